"""Checks of the exercises of frontiers/trends_and_challenges."""

import numpy as np

from threeways.checking import require, require_answer
from threeways.parity import to_numpy


def chance(answer):
    """Every partner gets the same probability; take minus its logarithm."""
    for n in (2, 128):
        got = float(to_numpy(require_answer(answer(n))))
        require(
            abs(got - n) > 1e-9 and abs(got - 1 / n) > 1e-9,
            f"{got:g} for n = {n} isn't a loss yet: take minus the logarithm of the "
            "probability of the right partner",
        )
        require(
            abs(got - np.log(n)) < 1e-9,
            f"for n = {n} expected {np.log(n):.4f} and got {got:.4f}; all scores are "
            "equal, and the two directions are averaged, not added",
        )
    return "right: log n, 4.85 for batches of 128."


def two_pictures(answer):
    """Column 0 holds 0.1 of each picture, halved; column 3 has -0.9 of the first."""
    rng = np.random.default_rng(seed=0)
    pictures = rng.uniform(size=(2, 64))
    inputs = np.column_stack([pictures, np.ones(2)])
    gradient = inputs.T @ (0.1 - np.eye(10)[[3, 8]]) / 2
    got = to_numpy(require_answer(answer(gradient)))
    require(got.shape == (2, 64), f"expected shape (2, 64), got {got.shape}")
    require(
        not np.allclose(got, pictures[::-1]),
        "these are the right pictures in the wrong order: label 3 first, then 8",
    )
    require(
        not np.allclose(got, pictures / 2),
        "half of each picture: the gradient is a mean over two samples",
    )
    off = np.abs(got - pictures).max()
    require(
        off < 1e-9,
        f"the pictures are off by up to {off:.2g}; column 0 minus column 3 leaves "
        "one picture only",
    )
    return "right: two pictures from one gradient, exactly."


def best_baseline(answer):
    """Minimise the mean of (R - b)^2 |s|^2 over b; s sums the slopes of log pi."""
    for seed in (0, 1, 2):
        theta = np.random.default_rng(seed).normal(size=5)
        got = float(to_numpy(require_answer(answer(theta))))
        expected, mean = _corridor(theta)
        require(
            abs(got - mean) > 1e-6,
            f"{got:.3f} is the mean return; episodes whose sum of slopes of "
            "log pi is long should count for more",
        )
        require(
            abs(got - expected) < 1e-6,
            f"expected {expected:.4f} and got {got:.4f}; weight each return by its "
            "chance times the squared length of its sum of slopes",
        )
    return "right: each return counts by the squared length of its sum of slopes."


def _corridor(theta):
    """Best baseline and mean return of the chapter's corridor, cell by cell."""
    weights, weighted, mean = 0.0, 0.0, 0.0
    for number in range(256):
        s, likely, score, reward = 1, 1.0, np.zeros(5), 0
        for t in range(8):
            right = number >> (7 - t) & 1
            p = 1 / (1 + np.exp(-theta[s]))
            likely *= p if right else 1 - p
            score[s] += right - p
            s = min(s + 1, 4) if right else max(s - 1, 0)
            reward -= s < 4
        weight = likely * np.sum(score**2)
        weights, weighted = weights + weight, weighted + weight * reward
        mean += likely * reward
    return weighted / weights, mean


CHECKS = {
    "chance": chance,
    "two_pictures": two_pictures,
    "best_baseline": best_baseline,
}
