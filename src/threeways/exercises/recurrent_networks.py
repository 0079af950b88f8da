"""Checks of the exercises of architectures/recurrent_networks."""

import numpy as np

from threeways.checking import require, require_answer
from threeways.parity import to_numpy


def half_life_bias(answer):
    """First find the gate f with f**T = 1/2, then the bias whose sigmoid it is."""
    for T in (1, 10, 100):
        got = float(to_numpy(require_answer(answer(T))))
        left = (1 / (1 + np.exp(-got))) ** T
        require(
            abs(left - 0.5) < 1e-6,
            f"for T = {T} your bias {got:.3f} leaves {left:.3f} of the memory, "
            "expected 0.500",
        )
    return "right: a memory that lasts ten times as long takes about 2.3 more of bias."


def masked_loss(answer):
    """Weigh the squares with the mask, and divide by the number of real steps."""
    rng = np.random.default_rng(seed=0)
    y_hat, y = rng.normal(size=(2, 4, 6))
    mask = (np.arange(6) < np.array([[6], [2], [3], [1]])).astype(float)
    squares = mask * (y_hat - y) ** 2
    got = float(to_numpy(require_answer(answer(y_hat, y, mask))))
    require(
        not np.isclose(got, squares.mean()),
        f"{got:.4f} is divided by all {mask.size} steps, padding included; "
        f"only {mask.sum():.0f} are real",
    )
    require(
        not np.isclose(got, np.mean(squares.sum(axis=1) / mask.sum(axis=1))),
        f"{got:.4f} is the mean of the sequences' means, in which a step of a short "
        "sequence counts more; every real step should count the same",
    )
    expected = squares.sum() / mask.sum()
    require(np.isclose(got, expected), f"expected {expected:.4f}, got {got:.4f}")
    return "right: padding neither adds to the loss nor dilutes it."


def last_states(answer):
    """Index the sequences with arange and the steps with lengths - 1."""
    rng = np.random.default_rng(seed=0)
    H, lengths = rng.normal(size=(5, 7, 3)), np.array([7, 2, 5, 1, 6])
    got = to_numpy(require_answer(answer(H, lengths)))
    require(got.shape == (5, 3), f"expected shape (5, 3), got {got.shape}")
    require(
        not np.allclose(got, H[:, -1]),
        "that is the state after the padding; expected that after the last real step",
    )
    expected = np.stack([H[i, k - 1] for i, k in enumerate(lengths)])
    require(
        np.allclose(got, expected),
        "expected H[i, lengths[i] - 1] for each sequence i, got other states",
    )
    return "right: a state knows nothing of what comes after it."


def truncated(answer):
    """Walk back twice: through the part before the cut, and through the part after."""
    rng = np.random.default_rng(seed=0)
    n, T, d, m, cut = 2, 6, 3, 4, 4
    X, G = rng.normal(size=(n, T, d)), rng.normal(size=(n, T, m))
    W, U, h_0 = rng.normal(size=(d, m)), rng.normal(size=(m, m)), np.zeros((n, m))
    states = [h_0]
    for t in range(T):
        states.append(np.tanh(X[:, t] @ W + states[-1] @ U))
    H = np.stack(states[1:], axis=1)

    def gradient(blocked):
        slopes, later = [], np.zeros((n, m))
        for t in reversed(range(T)):
            delta = (G[:, t] + later) * (1 - H[:, t] ** 2)
            slopes.append(delta @ W.T)
            later = 0 * delta if t == blocked else delta @ U.T
        return np.stack(slopes[::-1], axis=1)

    got = to_numpy(require_answer(answer(X, h_0, H, W, U, G, cut)))
    require(got.shape == X.shape, f"expected shape {X.shape}, got {got.shape}")
    require(
        not np.allclose(got, gradient(blocked=None)),
        "that is the full gradient: slopes still pass the border",
    )
    expected = gradient(blocked=cut)
    wrong = np.any(~np.isclose(got, expected), axis=(0, 2))
    require(
        not wrong.any(),
        f"with cut = {cut} of {T} steps, the gradient differs at the steps "
        f"{np.flatnonzero(wrong).tolist()}; the later part starts from H[:, cut - 1]",
    )
    return "right: what lies before the cut is remembered, but no longer learned."


def adder(answer):
    """Marks open the input gate: a large weight, and a bias of minus half of it."""
    W, b, factor = (to_numpy(require_answer(part)) for part in answer)
    require(W.shape == (2, 4), f"expected W of shape (2, 4), got {W.shape}")
    require(b.shape == (4,), f"expected b of shape (4,), got {b.shape}")
    rng = np.random.default_rng(seed=0)
    n, T = 200, 100
    numbers, marks = rng.uniform(size=(n, T)), np.zeros((n, T))
    marks[np.arange(n), rng.integers(T // 2, size=n)] = 1
    marks[np.arange(n), rng.integers(T // 2, T, size=n)] = 1
    c = np.zeros(n)
    with np.errstate(over="ignore"):
        for x in np.stack([numbers, marks], axis=2).transpose(1, 0, 2):
            i, f, g, o = (x @ W + b).T
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
    worst = np.abs(float(factor) * h - np.sum(numbers * marks, axis=1)).max()
    require(
        worst < 0.05,
        f"on 200 sequences of 100 steps the worst error is {worst:.2f}, expected "
        "under 0.05",
    )
    return f"right: worst error {worst:.3f} over 100 steps, without a step of training."


CHECKS = {
    "half_life_bias": half_life_bias,
    "masked_loss": masked_loss,
    "last_states": last_states,
    "truncated": truncated,
    "adder": adder,
}
