"""Checks of the exercises of foundations/loss_functions."""

import numpy as np

from threeways.checking import require, require_answer, require_parts
from threeways.parity import to_numpy


def smooth_l1(answer):
    """Near zero compare r**2 / (2 beta) with what huber(r, beta) is there, r**2 / 2."""
    r = np.array([-3.0, -1.0, -0.2, 0.1, 0.6, 4.0])
    for beta in (1.0, 0.5, 2.0):
        size = np.abs(r)
        value = np.where(size < beta, size**2 / (2 * beta), size - beta / 2)
        slope = np.clip(r / beta, -1, 1)
        got_value, got_slope = _pair(answer(r, beta), "smooth_l1", r.shape)
        require(
            np.allclose(got_value, value),
            f"values for beta = {beta}: expected {value.round(3)}, "
            f"got {got_value.round(3)}",
        )
        require(
            np.allclose(got_slope, slope),
            f"slopes for beta = {beta}: expected {slope.round(3)}, "
            f"got {got_slope.round(3)}",
        )
    return "right: far from zero its slope is ±1 for every beta, unlike Huber's."


def poisson(answer):
    """The negative logarithm is rate - y log(rate) + log(y!), and rate = exp(z)."""
    z = np.array([-1.0, 0.0, 0.5, 2.0])
    y = np.array([0.0, 1.0, 3.0, 7.0])
    value, slope = _pair(answer(z, y), "poisson", z.shape)
    expected = np.exp(z) - y * z
    require(
        not np.allclose(slope, 1 - y * np.exp(-z)),
        "that is the slope by the rate; by z = log(rate) it is another one",
    )
    require(
        np.allclose(slope, np.exp(z) - y),
        f"slopes: expected {(np.exp(z) - y).round(3)}, got {slope.round(3)}",
    )
    require(
        np.allclose(value, expected),
        f"values: expected {expected.round(3)}, got {value.round(3)}; "
        "log(y!) doesn't depend on z, so leave it out",
    )
    return "right: the rate minus the count, as p - y for a coin."


def epoch_loss(answer):
    """Find the sum of all samples' losses, and divide it by how many there are."""
    for means, sizes in [([1.0, 2.0, 6.0], [64, 64, 11]), ([3.0], [5])]:
        expected = sum(m * s for m, s in zip(means, sizes, strict=True)) / sum(sizes)
        got = to_numpy(require_answer(answer(np.array(means), np.array(sizes))))
        require(got.shape == (), f"expected one number, got shape {got.shape}")
        require(
            np.isclose(got, expected),
            f"for means {means} and sizes {sizes} expected {expected:.3f}, "
            f"got {got:.3f}",
        )
    return "right: every sample counts once, whichever batch it was in."


def unweight(answer):
    """Subtract log(a) from the logit log(p / (1 - p)), and go back to a probability."""
    p = np.array([0.1, 0.5, 0.9])
    for a in (9.0, 1.0):
        odds = p / (1 - p) / a
        got = to_numpy(require_answer(answer(p, a)))
        require(got.shape == p.shape, f"expected shape {p.shape}, got {got.shape}")
        require(
            not (a > 1 and np.allclose(got, p / a)),
            "dividing the probability by a isn't enough: divide the odds",
        )
        require(
            np.allclose(got, odds / (1 + odds)),
            f"for p = {p} and a = {a:g} expected {(odds / (1 + odds)).round(3)}, "
            f"got {got.round(3)}",
        )
    return "right: one half becomes 1 / (1 + a), the threshold that matches."


def quantile(answer):
    """Minimise the mean of max(0.1 r, -0.9 r), with r = prediction - target (442,)."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import QuantileRegressor

    X, y = load_diabetes(return_X_y=True, scaled=False)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)

    def cost(y_hat):
        return np.mean(np.maximum(0.1 * (y_hat - y), -0.9 * (y_hat - y)))

    if callable(answer):  # a function that trains and predicts will do, too
        answer = require_answer(answer())
    y_hat = to_numpy(answer)
    require(y_hat.shape == y.shape, f"expected shape {y.shape}, got {y_hat.shape}")
    below = np.mean(y < y_hat)
    require(
        below > 0.2,
        f"only {below:.0%} of the targets lie below your predictions, expected about "
        "90 %: is the loss tilted the other way, or are these not points?",
    )
    best = cost(QuantileRegressor(quantile=0.9, alpha=0).fit(Z, y).predict(Z))
    require(
        cost(y_hat) < 1.05 * best,
        f"your mean pinball loss is {cost(y_hat):.2f} points, with {below:.0%} of the "
        f"targets below your predictions; expected under {1.05 * best:.2f} points",
    )
    return "right: about 90 % of the targets lie below your predictions."


def _pair(answer, name, shape):
    """Return (values, slopes) as arrays, or say what was expected."""
    parts = require_parts(answer, 2, f"two things from {name}, values and slopes")
    pair = [to_numpy(part) for part in parts]
    for part in pair:
        require(part.shape == shape, f"expected shape {shape}, got {part.shape}")
    return pair


CHECKS = {
    "smooth_l1": smooth_l1,
    "poisson": poisson,
    "epoch_loss": epoch_loss,
    "unweight": unweight,
    "quantile": quantile,
}
