"""Checks of the exercises of practice/transfer_learning."""

import numpy as np
from sklearn.datasets import load_digits

from threeways.checking import require, require_answer
from threeways.parity import to_numpy


def passes(answer):
    """(1 - alpha) to the power of t must come down to kept; take logarithms."""
    cases = (0.1, 0.1), (0.01, 0.1), (0.1, 0.5), (0.3, 0.02), (0.5, 0.9)
    for alpha, kept in (*cases, (0.25, 0.75**3)):
        got = require_answer(answer(alpha, kept))
        got = float(to_numpy(got))
        require(
            got == round(got) and got >= 1,
            f"{got:g} for alpha {alpha}: expected a whole number of passes",
        )
        left, before = (1 - alpha) ** got, (1 - alpha) ** (got - 1)
        require(
            left <= kept + 1e-9,
            f"{got:g} for alpha {alpha}: a share {left:.3f} of the old value is left, "
            f"more than {kept}",
        )
        require(
            before > kept + 1e-9,
            f"{got:g} for alpha {alpha}: one pass fewer is enough already",
        )
    return "right: and Keras' default remembers about ten times as long."


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
    """Ask the network about all nine shifts of a picture, and let them vote."""
    got = to_numpy(require_answer(answer))
    require(got.shape == (4, 360), f"expected shape (4, 360), got {got.shape}")
    require(got.dtype.kind in "iu", f"expected whole numbers, got {got.dtype}")
    require(
        got.min() >= 0 and got.max() <= 3,
        f"expected classes from 0 to 3, got {got.min()} to {got.max()}",
    )
    labels = load_digits().target[len(load_digits().target) // 2 :]
    share = np.mean(got == labels[labels > 5] - 6)
    require(
        share > 0.86, f"{share:.1%} of your answers are right, more than 86% wanted"
    )
    return "right: more than 86% with twenty labelled pictures a draw."


CHECKS = {
    "passes": passes,
    "pool": pool,
    "better": better,
}
