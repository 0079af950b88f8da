"""Checks of the exercises of foundations/overfitting."""

import numpy as np

from threeways.checking import require, require_answer, require_result
from threeways.parity import to_numpy


def keras_l2(answer):
    """Compare what each adds to the gradient: wd * w, and 2 * lam * w."""
    for wd in (0.5, 0.01):
        got = float(to_numpy(require_answer(answer(wd))))
        require(
            abs(got - 2 * wd) > 1e-12,
            f"{got:g} for weight_decay={wd:g} is the wrong way round: Keras' penalty "
            "is lam * w**2, and its derivative brings a 2",
        )
        require(
            abs(got - wd / 2) < 1e-12,
            f"for weight_decay={wd:g} expected {wd / 2:g} and got {got:g}; "
            "PyTorch adds wd * w to the gradient, Keras the derivative of lam * w**2",
        )
    return "right: the square's derivative brings the factor 2."


def lasso(answer):
    """Loop: w = shrink_l1(w - eta * gradient, eta * lam), from zero."""
    from sklearn.linear_model import Lasso

    rng = np.random.default_rng(seed=0)
    X = rng.normal(size=(40, 6))
    y = X @ np.array([2.0, -1.0, 0.0, 0.0, 0.5, 0.0]) + 0.3 * rng.normal(size=40)
    for lam in (0.2, 1.0):
        # scikit-learn has 1/2n where we have 1/n.
        model = Lasso(alpha=lam / 2, fit_intercept=False, tol=1e-12, max_iter=100_000)
        expected = model.fit(X, y).coef_
        got = to_numpy(require_answer(answer(X, y, lam)))
        require(got.shape == (6,), f"expected weights of shape (6,), got {got.shape}")
        off = np.abs(got - expected).max()
        require(
            off < 1e-6,
            f"for lam = {lam:g} the weights are off by up to {off:.2g}; the gradient "
            "is that of the squared error alone, and the threshold is eta * lam",
        )
        require(
            np.array_equal(got == 0, expected == 0),
            f"for lam = {lam:g} expected {np.sum(expected == 0)} weights of exactly "
            f"zero and got {np.sum(got == 0)}",
        )
    return "right, and equal to scikit-learn's Lasso, zeros included."


def honest_error(answer):
    """Select the columns inside of the loop, from the samples that aren't left out."""
    rng = np.random.default_rng(seed=0)
    chance = [
        float(to_numpy(require_answer(answer(X, y))))
        for X, y in [
            (rng.normal(size=(50, 2000)), rng.permutation(50) % 2) for _ in range(10)
        ]
    ]
    require(
        np.mean(chance) > 0.4,
        f"on coin tosses you still claim {np.mean(chance):.0%} wrong, where 50% is the "
        "truth; the fold left out must have no say in the selection either",
    )
    y = rng.permutation(50) % 2
    X = rng.normal(size=(50, 2000))
    X[:, :20] += 1.5 * y[:, None]  # twenty columns that do tell
    real = float(to_numpy(answer(X, y)))
    require(
        real < 0.2,
        f"where twenty columns do tell the label, {real:.0%} wrong is too many: "
        "train on the other folds and predict the one left out",
    )
    return "right: half wrong, as befits coin tosses, and real signal is still found."


def suspects(answer):
    """Sort the training images by the loss of a network that isn't overfitted."""
    rows = to_numpy(require_result(answer))
    require(rows.shape == (20,), f"expected 20 row numbers, got shape {rows.shape}")
    require(rows.dtype.kind in "iu", f"expected integers, got {rows.dtype}")
    require(
        rows.min() >= 0 and rows.max() < 200 and len(set(rows.tolist())) == 20,
        "expected 20 different row numbers from 0 to 199",
    )
    found = int(_wrong_labels()[rows].sum())
    require(
        found >= 14,
        f"{found} of your 20 labels are wrong, expected 14 or more; ask a network that "
        "hasn't learnt them by heart, in evaluation mode",
    )
    return "right: most of the labels that it doubts are indeed wrong."


def _wrong_labels():
    """Which of the chapter's 200 training labels, drawn with seed 0, are wrong."""
    pool = np.random.default_rng(seed=0).permutation(1797)[:1000]
    rng = np.random.default_rng(seed=0)  # draws in the chapter's order
    rng.choice(pool, size=300, replace=False)
    return rng.random(300)[100:] < 0.2


CHECKS = {
    "keras_l2": keras_l2,
    "lasso": lasso,
    "honest_error": honest_error,
    "suspects": suspects,
}
