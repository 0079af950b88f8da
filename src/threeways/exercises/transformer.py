"""Checks of the exercises of architectures/transformer."""

import numpy as np

from threeways.checking import require, require_answer
from threeways.datasets import dates
from threeways.parity import to_numpy


def window_mask(answer):
    """Position i sees j if j isn't later, and less than width before it."""
    for n, width in [(5, 2), (6, 1), (4, 10)]:
        got = to_numpy(require_answer(answer(n, width)))
        require(got.shape == (n, n), f"expected shape {(n, n)}, got {got.shape}")
        seen = got.astype(bool)
        require(not np.triu(seen, 1).any(), "a position sees a later one")
        require(seen.diagonal().all(), "a position doesn't see itself")
        counts = np.minimum(np.arange(1, n + 1), width)
        require(
            np.array_equal(seen.sum(axis=1), counts)
            and np.array_equal(seen, np.tril(seen) & ~np.tril(seen, -width)),
            f"n = {n}, width = {width}: expected rows that see {counts} positions, "
            f"got {seen.sum(axis=1)}",
        )
    return (
        "right: only about n times the width of the weights are not zero. A kernel "
        "that skips the rest makes it cheap; the mask alone saves nothing."
    )


def parameters(answer):
    """Four projections, two layers of the feed-forward network, two normalisations."""
    for d, d_ff in [(8, 16), (64, 128), (512, 2048)]:
        got = int(require_answer(answer(d, d_ff)))
        weights = 4 * d**2 + 2 * d * d_ff
        expected = weights + 9 * d + d_ff
        hints = {
            weights: "; these are the weights alone, without biases and normalisations",
            weights + 5 * d + d_ff: "; the two normalisations are missing",
            weights + 4 * d: "; the biases are missing",
            weights + 7 * d + d_ff: "; a normalisation has a scale and a shift",
        }
        require(
            got == expected,
            f"d = {d}, d_ff = {d_ff}: expected {expected}, got {got}"
            + hints.get(got, ""),
        )
    return "right: with d_ff = 4 d, two thirds of them are in the feed-forward network."


def turn(answer):
    """x[:, 0::2] are the a, x[:, 1::2] the b; np.stack and reshape put them back."""
    rng = np.random.default_rng(seed=0)
    q, k = rng.normal(size=(2, 5, 6))
    first = to_numpy(require_answer(answer(q, 0)))
    require(first.shape == q.shape, f"expected shape {q.shape}, got {first.shape}")
    require(
        np.allclose(first[0], q[0]), "position 0 is turned by 0: it must stay as it is"
    )
    pairs = np.linalg.norm(q.reshape(5, 3, 2), axis=2)
    turned = np.linalg.norm(first.reshape(5, 3, 2), axis=2)
    require(np.allclose(pairs, turned), "a turn changes no pair's length; yours does")
    scores = first @ to_numpy(answer(k, 0)).T
    later = to_numpy(answer(q, 7)) @ to_numpy(answer(k, 7)).T
    require(
        np.allclose(scores, later),
        "queries and keys that both stand 7 places later must have the same scores",
    )
    angle = np.arange(5)[:, None] / 10_000 ** (np.arange(0, 6, 2) / 6)
    expected = (q[:, 0::2] + 1j * q[:, 1::2]) * np.exp(1j * angle)
    require(
        np.allclose(first[:, 0::2], expected.real)
        and np.allclose(first[:, 1::2], expected.imag),
        "the angles or the sense of turning differ from the text",
    )
    return "right: nothing is added, and only differences of positions count."


def log_probability(answer):
    """Take log-softmax of the logits, pick the ten wanted entries, and add them up."""
    written, iso = dates.generate(40, seed=11, held_out=True)
    got = to_numpy(require_answer(answer(written, iso)))
    require(got.shape == (40,), f"expected shape (40,), got {got.shape}")
    require(
        bool(np.all(got <= 1e-4)), "a log-probability above 0: was a minus forgotten?"
    )
    require(
        np.median(got) > np.log(0.5),
        f"half of the right dates get less than {np.exp(np.median(got)):.2g}; "
        "the trained model is surer than that",
    )
    endings = [iso[0][:9] + digit for digit in "0123456789"]
    total = np.exp(to_numpy(answer(written[:1] * 10, endings)).astype(float)).sum()
    require(
        total <= 1 + 1e-3,
        f"the ten endings of {iso[0][:9]} have the probability {total:.3g} together, "
        "more than 1; add the ten log-probabilities, don't average them",
    )
    wrong = [day[:5] + ("01" if day[5:7] != "01" else "02") + day[7:] for day in iso]
    worse = to_numpy(answer(written, wrong))
    require(
        np.mean(worse < got) > 0.95,
        "dates with a wrong month should be less probable than the right ones",
    )
    return "right: the chain rule, one factor a character."


CHECKS = {
    "window_mask": window_mask,
    "parameters": parameters,
    "turn": turn,
    "log_probability": log_probability,
}
