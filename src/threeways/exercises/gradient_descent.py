"""Checks of the exercises of foundations/gradient_descent."""

import numpy as np

from threeways.checking import require, require_answer, require_parts
from threeways.parity import to_numpy


def updates(answer):
    """Divide the samples by the batch size, round up, and multiply by the epochs."""
    for n, batch_size, epochs, expected in [
        (442, 34, 1, 13),
        (442, 442, 5, 5),
        (1000, 32, 1, 32),
        (1000, 32, 3, 96),
        (7, 1, 2, 14),
    ]:
        got = require_answer(answer(n, batch_size, epochs))
        require(
            int(got) == got == expected,
            f"for n = {n}, batch_size = {batch_size}, epochs = {epochs}, "
            f"expected {expected} and got {got}",
        )
    return "right: the smaller last batch makes an update like any other."


def limit_with_bias(answer):
    """The bias is the weight of a column of ones, and it belongs to the Hessian."""
    rng = np.random.default_rng(seed=0)
    for shift in (0.0, 5.0):
        X = rng.normal(loc=shift, size=(30, 3))
        A = np.column_stack([X, np.ones(len(X))])
        expected = len(X) / np.linalg.norm(A, ord=2) ** 2
        got = float(to_numpy(require_answer(answer(X))))
        require(
            abs(got - expected) < 1e-9 * expected,
            f"for a table with mean near {shift:g}, expected {expected:.4f} "
            f"and got {got:.4f}",
        )
    return "right: features far from zero make it far smaller than centred ones."


def backtracking_step(answer):
    """Loop: while loss(theta - eta * g) is too high, halve eta."""
    a = np.array([1.0, 20.0])

    def bowl(theta):
        return np.sum(a * theta**2)

    def bowl_gradient(theta):
        return 2 * a * theta

    theta = np.array([3.0, -2.0])
    eta = 10.0
    g = bowl_gradient(theta)
    while not bowl(theta - eta * g) <= bowl(theta) - 0.5 * eta * np.sum(g**2):
        eta /= 2
    got = to_numpy(require_answer(answer(bowl, bowl_gradient, theta)))
    require(got.shape == theta.shape, f"expected shape {theta.shape}, got {got.shape}")
    require(
        np.allclose(got, theta - eta * g),
        f"from {theta} expected {(theta - eta * g).round(4)} and got {got.round(4)}; "
        "the first eta that passes the test, halved from 10, is the one to take",
    )
    for _ in range(500):
        theta = to_numpy(answer(bowl, bowl_gradient, theta))
    require(
        bowl(theta) < 1e-6,
        f"500 of your steps leave a loss of {bowl(theta):.2g}, expected under 1e-6",
    )
    return "right: no learning rate to tune, at the price of a few extra losses."


def schedule(answer):
    """Start below the border and let the rate fall about like 1 / step."""
    rates = np.array([float(to_numpy(require_answer(answer(s)))) for s in range(2000)])
    require(bool(np.all(rates > 0)), "every learning rate must be positive")

    def final_errors(rates):
        """Mean squared distance to the minimum after all steps, over 200 runs."""
        # L(w) = w**2 has curvature 2, so the border is at 1; gradient 2w plus noise.
        rng = np.random.default_rng(seed=0)
        w = np.full(200, 20.0)
        for rate in rates:
            w = w - rate * (2 * w + rng.normal(scale=4, size=200))
        return np.mean(w**2)

    yours = final_errors(rates)
    fixed = min(final_errors(np.full(2000, r)) for r in np.geomspace(5e-4, 0.5, 40))
    require(
        yours < fixed,
        f"you end {yours:.2g} from the minimum (mean squared distance), "
        f"the best fixed rate {fixed:.2g}",
    )
    return "right: large steps to arrive, small ones to settle."


def repaired(answer):
    """Change the parameters in place, with an optimiser or an assignment."""
    parts = require_parts(answer, 2, "the pair (slope, intercept)")
    slope, intercept = (float(to_numpy(part)) for part in parts)
    rng = np.random.default_rng(seed=7)  # the chapter's data, drawn in its order
    x = rng.uniform(size=100)
    rng.uniform(size=100)
    y = 3 * x + 2 + rng.normal(scale=0.3, size=100)
    best = np.polyfit(x, y, deg=1)
    require(
        np.allclose((slope, intercept), best, atol=0.02),
        f"expected slope {best[0]:.2f} and intercept {best[1]:.2f}, "
        f"got {slope:.2f} and {intercept:.2f}",
    )
    return "right: equal to least squares, within 0.02."


CHECKS = {
    "updates": updates,
    "limit_with_bias": limit_with_bias,
    "backtracking_step": backtracking_step,
    "schedule": schedule,
    "repaired": repaired,
}
