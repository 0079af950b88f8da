"""Checks of the exercises of foundations/optimizers."""

import numpy as np

from threeways.checking import require, require_answer, require_parts
from threeways.parity import to_numpy


def rate_with_momentum(answer):
    """Momentum makes steady steps 1 / (1 - beta) times as long; make up for that."""
    for eta, beta in [(0.1, 0.9), (0.5, 0.0), (0.02, 0.75)]:
        got = float(to_numpy(require_answer(answer(eta, beta))))
        velocity = 0.0
        for _ in range(500):
            velocity = beta * velocity + 1.0
        require(
            abs(got * velocity - eta) < 1e-9,
            f"for eta = {eta}, beta = {beta} you gave {got:.4g}; on a slope of 1 its "
            f"steps become {got * velocity:.4g} long, expected {eta}",
        )
    return "right: the steps add up to the same pace."


def adagrad_step(answer):
    """Add the squared gradient to s, then divide by the root of s, plus eps."""
    rng = np.random.default_rng(seed=0)
    theta = yours = rng.normal(size=3)
    total = s = np.zeros(3)
    for t, g in enumerate(rng.normal(size=(50, 3)), start=1):
        total = total + g**2
        theta = theta - 0.5 * g / (np.sqrt(total) + 0.01)
        result = answer(yours, s, g, 0.5, 0.01)
        yours, s = map(to_numpy, require_parts(result, 2, "the pair (theta, s)"))
        require(
            np.allclose(s, total),
            f"after step {t} expected s = {total.round(4)}, got {np.round(s, 4)}",
        )
        require(
            np.allclose(yours, theta),
            f"after step {t} s is right, but expected theta = {theta.round(4)} "
            f"and got {np.round(yours, 4)}; is eps outside the root?",
        )
    return "right: 50 steps agree. Its rates only ever fall."


def trapezoid(answer):
    """The rate is peak times the smallest of three numbers: rise, 1, and fall."""
    for peak, warmup, cooldown, total in [(0.5, 4, 3, 20), (1.0, 1, 9, 30)]:
        rise = np.arange(1, warmup + 1) / warmup
        fall = np.arange(cooldown, 0, -1) / (cooldown + 1)
        flat = np.ones(total - warmup - cooldown)
        expected = peak * np.concatenate([rise, flat, fall])
        for t, rate in enumerate(expected):
            got = float(
                to_numpy(require_answer(answer(t, peak, warmup, cooldown, total)))
            )
            require(
                abs(got - rate) < 1e-9,
                f"with warmup = {warmup}, cooldown = {cooldown}, total = {total}, "
                f"update {t} needs the rate {rate:.4g} and got {got:.4g}",
            )
    return "right: up, along, and down, with no rate of zero."


def decay_matrices_only(answer):
    """The matrix shrinks by the share 0.1 * 0.5; give the bias a decay of zero."""
    parts = require_parts(answer(), 2, "the pair (matrix, bias)")
    matrix, bias = map(to_numpy, parts)
    require(
        matrix.shape == (3, 2) and bias.shape == (2,),
        f"expected shapes (3, 2) and (2,), got {matrix.shape} and {bias.shape}",
    )
    require(
        np.allclose(bias, 1.0),
        f"the bias should stay 1 and is {bias[0]:.4g}: it has been decayed, too",
    )
    require(
        np.allclose(matrix, 0.95),
        f"the matrix should shrink from 1 to 0.95 and is {matrix[0, 0]:.4g}",
    )
    return "right: the matrix shrinks by a twentieth, the bias stays."


CHECKS = {
    "rate_with_momentum": rate_with_momentum,
    "adagrad_step": adagrad_step,
    "trapezoid": trapezoid,
    "decay_matrices_only": decay_matrices_only,
}
