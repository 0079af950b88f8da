"""Checks of the exercises of architectures/image_classification."""

import numpy as np

from threeways.checking import require, require_answer
from threeways.datasets import pictures
from threeways.parity import to_numpy


def commonest_mistake(answer):
    """Clear the diagonal, then look where the largest count stands."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        C = rng.permutation(36).reshape(6, 6) + 40 * np.eye(6, dtype=int)
        C = C.astype(np.int64)
        before = C.copy()
        got = tuple(int(to_numpy(k)) for k in require_answer(answer(C)))
        require(np.array_equal(C, before), "the matrix that was given has changed")
        mistakes = C * (1 - np.eye(6, dtype=int))
        expected = divmod(int(mistakes.argmax()), 6)
        require(
            len(got) == 2 and got[0] != got[1],
            f"{got} is no mistake: expected two different classes; the largest counts "
            "stand on the diagonal, and those are right answers",
        )
        require(
            got != expected[::-1],
            f"{got} is the wrong way round: the row is the true class",
        )
        require(got == expected, f"expected {expected} and got {got} for\n{C}")
    return "right: row and column of the largest count beside the diagonal."


def fold(answer):
    """The normalisation is factor * z + constant: put both into the convolution."""
    rng = np.random.default_rng(seed=0)
    w = rng.normal(size=(3, 3, 2, 4))
    gamma, beta, mean = rng.normal(size=(3, 4))
    variance = rng.uniform(0.1, 2, size=4)
    w_new, b_new = require_answer(answer(w, gamma, beta, mean, variance))
    w_new, b_new = to_numpy(w_new), to_numpy(b_new)
    require(
        w_new.shape == w.shape and b_new.shape == (4,),
        f"expected shapes {w.shape} and (4,), got {w_new.shape} and {b_new.shape}",
    )
    window = rng.normal(size=(50, 3, 3, 2))
    plain = np.tensordot(window, w, axes=3)
    expected = gamma * (plain - mean) / np.sqrt(variance + 1e-5) + beta
    got = np.tensordot(window, w_new, axes=3) + b_new
    off = np.abs(got - expected)
    require(
        off.std(axis=0).max() < 1e-9,
        "the filters are wrong: what a channel is multiplied with is "
        "gamma / sqrt(variance + eps)",
    )
    require(
        off.max() < 1e-9,
        f"the filters are right, the biases off by up to {off.max():.2g}: the mean is "
        "subtracted before the channel is multiplied, beta added after it",
    )
    return "right: one convolution does the work of two layers."


def cover(answer):
    """Compare row numbers with r[:, None], column numbers with s[:, None]."""
    rng = np.random.default_rng(seed=0)
    x = rng.uniform(1, 2, size=(5, 9, 8, 3))
    before = x.copy()
    r, s = np.array([0, 5, 2, 3, 1]), np.array([4, 0, 2, 1, 3])
    got = to_numpy(require_answer(answer(x, r, s, 4)))
    require(np.array_equal(x, before), "the pictures that were given have changed")
    require(got.shape == x.shape, f"expected shape {x.shape}, got {got.shape}")
    expected = x.copy()
    for n in range(5):
        expected[n, r[n] : r[n] + 4, s[n] : s[n] + 4] = 0
    swapped = x.copy()
    for n in range(5):
        swapped[n, s[n] : s[n] + 4, r[n] : r[n] + 4] = 0
    require(
        not np.array_equal(got, swapped),
        "rows and columns are swapped: r counts rows, the second axis of x",
    )
    zeros = [int(np.sum(picture == 0)) for picture in got]
    require(
        zeros == [48] * 5,
        f"expected 4 × 4 pixels of 3 zeros in each picture, so 48; found {zeros}",
    )
    require(np.array_equal(got, expected), "the squares lie in the wrong places")
    return "right: each picture lost its own square."


def ask_twice(answer):
    """Softmax of scores(x) and of scores of the mirrored x, then their mean."""
    rng = np.random.default_rng(seed=0)
    w = 3 * rng.normal(size=(4 * 5 * 2, 3))

    def scores(x):
        return np.asarray(x).reshape(len(x), -1) @ w

    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    x = rng.normal(size=(6, 4, 5, 2))
    got = to_numpy(require_answer(answer(scores, x)))
    require(got.shape == (6, 3), f"expected shape (6, 3), got {got.shape}")
    require(
        np.allclose(got.sum(axis=1), 1),
        "the rows don't add up to 1: expected probabilities, so take the softmax of "
        "the scores, and the mean of the two",
    )
    upside_down = (softmax(scores(x)) + softmax(scores(x[:, ::-1]))) / 2
    require(
        not np.allclose(got, upside_down),
        "that is upside down: the columns are the third axis of x",
    )
    of_scores = softmax((scores(x) + scores(x[:, :, ::-1])) / 2)
    require(
        not np.allclose(got, of_scores),
        "you averaged the scores; average the probabilities",
    )
    expected = (softmax(scores(x)) + softmax(scores(x[:, :, ::-1]))) / 2
    require(np.allclose(got, expected), "the probabilities are not the expected ones")
    return "right: two opinions, one answer."


def better(answer):
    """Average the probabilities of versions of each picture, or train longer."""
    got = to_numpy(require_answer(answer))
    require(got.shape == (2000,), f"expected 2000 classes, got shape {got.shape}")
    require(got.dtype.kind in "iu", f"expected whole numbers, got {got.dtype}")
    data = pictures.load("generated", train=2000, test=2000)
    share = np.mean(got == data.y_test)
    require(
        share > 0.70, f"{share:.1%} of your answers are right, more than 70% wanted"
    )
    return "right: more than seven in ten are."


CHECKS = {
    "commonest_mistake": commonest_mistake,
    "fold": fold,
    "cover": cover,
    "ask_twice": ask_twice,
    "better": better,
}
