"""Checks of the exercises of practice/transfer_learning."""

import numpy as np
from sklearn.datasets import load_digits

from threeways.checking import require, require_answer
from threeways.parity import to_numpy


def left_to_train(answer):
    """Slice the list behind the frozen layers, and add up."""
    for sizes, frozen in (([88, 1184, 4672, 132], 3), ([5, 7, 11], 0), ([5, 7], 2)):
        got = int(to_numpy(require_answer(answer(list(sizes), frozen))))
        expected = sum(sizes[frozen:])
        require(
            got == expected or got != sum(sizes[:frozen]),
            f"{got} for {sizes} with {frozen} frozen: those are the frozen ones",
        )
        require(
            got == expected,
            f"expected {expected}, got {got} for {sizes} with {frozen} frozen",
        )
    return "right: what stands behind the frozen layers."


def passes(answer):
    """(1 - alpha) to the power of t must come down to kept; take logarithms."""
    for alpha, kept in ((0.1, 0.1), (0.01, 0.1), (0.1, 0.5), (0.3, 0.02), (0.5, 0.9)):
        got = require_answer(answer(alpha, kept))
        got = float(to_numpy(got))
        require(
            got == round(got) and got >= 1,
            f"{got:g} for alpha {alpha}: expected a whole number of passes",
        )
        left, before = (1 - alpha) ** got, (1 - alpha) ** (got - 1)
        require(
            left <= kept,
            f"{got:g} for alpha {alpha}: a share {left:.3f} of the old value is left, "
            f"more than {kept}",
        )
        require(
            before > kept,
            f"{got:g} for alpha {alpha}: one pass fewer is enough already",
        )
    return "right: and Keras' default remembers about ten times as long."


def rates_between(answer):
    """The first rate is eta times xi to the power of H - 1: solve that for xi."""
    for lowest, eta, H in ((1e-5, 1e-2, 12), (0.001, 0.008, 4), (0.01, 0.01, 3)):
        got = to_numpy(require_answer(answer(lowest, eta, H)))
        require(got.shape == (H,), f"expected shape ({H},), got {got.shape}")
        expected = eta * (lowest / eta) ** (np.arange(H)[::-1] / (H - 1))
        require(
            lowest == eta or not np.allclose(got, expected[::-1]),
            "they are in the wrong order: the first layer's rate comes first",
        )
        require(
            np.isclose(got[-1], eta),
            f"the head's rate is {got[-1]:.3g}, expected {eta:g}",
        )
        require(
            np.isclose(got[0], lowest),
            f"the first layer's rate is {got[0]:.3g}, expected {lowest:g}: between H "
            "layers lie H - 1 steps",
        )
        require(
            np.allclose(got, expected, rtol=1e-6),
            "the ends are right; between them each rate must be the same multiple of "
            "the one before",
        )
    return "right: equal factors from layer to layer."


def pool(answer):
    """The batches' own variances, plus how far their means lie from the common one."""
    rng = np.random.default_rng(seed=0)
    batches = [rng.normal(loc=rng.normal(), size=(n, 3)) for n in (4, 9, 30)]
    everything = np.concatenate(batches)
    n = np.array([len(batch) for batch in batches])
    means = np.array([batch.mean(axis=0) for batch in batches])
    variances = np.array([batch.var(axis=0) for batch in batches])
    mean, variance = require_answer(answer(n, means, variances))
    mean, variance = to_numpy(mean), to_numpy(variance)
    require(
        mean.shape == variance.shape == (3,),
        f"expected shapes (3,) and (3,), got {mean.shape} and {variance.shape}",
    )
    require(
        not np.allclose(mean, means.mean(axis=0)),
        "the mean of the means counts a batch of 4 as much as one of 30",
    )
    require(np.allclose(mean, everything.mean(axis=0)), "the mean is wrong")
    require(
        not np.allclose(variance, n / n.sum() @ variances),
        "the mean is right; the variance misses that the batches' means differ",
    )
    require(np.allclose(variance, everything.var(axis=0)), "the variance is wrong")
    return "right: as if all pictures had been one batch."


def better(answer):
    """More pictures: move each of the twenty by a pixel now and then."""
    got = to_numpy(require_answer(answer))
    require(got.shape == (360,), f"expected 360 classes, got shape {got.shape}")
    require(got.dtype.kind in "iu", f"expected whole numbers, got {got.dtype}")
    require(
        got.min() >= 0 and got.max() <= 3,
        f"expected classes from 0 to 3, got {got.min()} to {got.max()}",
    )
    labels = load_digits().target[len(load_digits().target) // 2 :]
    share = np.mean(got == labels[labels > 5] - 6)
    require(
        share > 0.73, f"{share:.1%} of your answers are right, more than 73% wanted"
    )
    return "right: more than 73% with twenty labelled pictures."


CHECKS = {
    "left_to_train": left_to_train,
    "passes": passes,
    "rates_between": rates_between,
    "pool": pool,
    "better": better,
}
