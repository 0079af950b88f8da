"""Checks of the exercises of foundations/tensors."""

import numpy as np

from threeways.checking import require, require_answer, require_parts, require_result
from threeways.parity import to_numpy


def shapes(answer):
    """Write the shapes below one another, aligned on the right, ones filled in."""
    questions = {
        "(8, 8) + (8,)": (8, 8),
        "(5, 1) * (1, 7)": (5, 7),
        "(4, 3) - (4,)": "error",
        "(4, 3) - (4, 1)": (4, 3),
        "(2, 1, 6) + (3, 1)": (2, 3, 6),
        "the mean of (32, 8, 8) over axis 0": (8, 8),
        "(32, 64) @ (64, 10)": (32, 10),
    }
    count = len(questions)
    answers = require_parts(require_result(answer), count, f"a list of {count} answers")
    for (question, expected), got in zip(questions.items(), answers, strict=True):
        got = got if isinstance(got, str) else tuple(np.atleast_1d(got).tolist())
        hint = "; 3 and 4 differ, and neither is 1" if expected == "error" else ""
        require(
            got == expected,
            f"{question}: expected {expected!r}, got {got!r}{hint}",
        )
    return "right: align on the right, stretch the ones, refuse the rest."


def channels_first(answer):
    """Find the axis of the colours among 0 to 3, and the place that it is to take."""
    photos = np.arange(2 * 4 * 5 * 3, dtype=float).reshape(2, 4, 5, 3)
    got = to_numpy(require_answer(answer(photos)))
    require(
        got.shape == (2, 3, 4, 5),
        f"photos of shape (2, 4, 5, 3) should become (2, 3, 4, 5), got {got.shape}",
    )
    require(
        not np.array_equal(got, photos.reshape(2, 3, 4, 5)),
        "the shape is right, but reshape scrambled the pixels: move the axis instead",
    )
    require(
        np.array_equal(got, np.moveaxis(photos, 3, 1)),
        "the shape is right, but height, width or the photos changed places",
    )
    return "right: every pixel kept its colour and its place."


def windows(answer):
    """Ask how many places further the next window starts, and the next number."""
    for n, w in [(6, 3), (10, 1), (7, 7), (9, 4)]:
        parts = require_parts(answer(n, w), 2, "the pair (shape, strides)")
        shape, strides = (tuple(int(k) for k in part) for part in parts)
        require(
            shape == (n - w + 1, w),
            f"{n} numbers have {n - w + 1} windows of {w}: "
            f"expected shape {(n - w + 1, w)}, got {shape}",
        )
        memory = np.arange(n)
        expected = np.lib.stride_tricks.sliding_window_view(memory, w)
        places = [
            [strides[0] * i + strides[1] * j for j in range(w)] for i in range(shape[0])
        ]
        require(
            np.array_equal(places, expected),
            f"for n = {n}, w = {w} your strides {strides} read the places {places}, "
            f"expected {expected.tolist()}; strides count elements, not bytes",
        )
    return "right: both strides are 1, and the rows overlap in memory."


def sum_back(answer):
    """Sum first over the axes that were missing, then, kept, over those of length 1."""
    rng = np.random.default_rng(seed=0)
    for shape, stretched in [
        ((4,), (3, 4)),
        ((3, 1), (3, 4)),
        ((1, 4), (3, 4)),
        ((3, 4), (3, 4)),
        ((), (2, 3)),
        ((3, 1), (2, 3, 5)),
        ((1,), (6, 1)),
    ]:
        G = rng.integers(-9, 10, size=stretched).astype(float)
        got = to_numpy(require_answer(answer(G, shape)))
        require(
            got.shape == shape,
            f"G of shape {stretched} should go back to {shape}, got {got.shape}",
        )
        # The change of sum(G * stretched b) with b, one element at a time.
        expected = np.zeros(shape)
        for index in np.ndindex(*shape):
            one = np.zeros(shape)
            one[index] = 1
            expected[index] = np.sum(G * one)
        require(
            np.allclose(got, expected),
            f"from {stretched} back to {shape}, expected {expected.tolist()}, "
            f"got {got.tolist()}; is it a sum over the right axes, not a mean?",
        )
    return "right: what was repeated on the way out is summed on the way back."


def cosine(answer):
    """The lengths must be a column (n, 1), or the division stretches a wrong axis."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, labels = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, labels, test_size=0.25, random_state=0
    )
    predictions = to_numpy(require_result(answer))
    require(
        predictions.shape == y_test.shape,
        f"expected predictions of shape {y_test.shape}, got {predictions.shape}; "
        "argmax goes along the axis of the known images",
    )

    def most_alike(train, test):
        return y_train[(test @ train.T).argmax(axis=1)]

    units = [A / np.linalg.norm(A, axis=1, keepdims=True) for A in (X_train, X_test)]
    expected = most_alike(*units)
    same = np.sum(predictions == expected)
    # In float32 two candidates may change places: hence not all of them.
    if same < len(expected) - 2:
        plain = np.sum(predictions == most_alike(X_train, X_test))
        require(
            plain < len(expected) - 2,
            "without dividing by the lengths, the image with the most ink wins",
        )
        places = np.mean(np.isin(predictions, np.arange(10))) < 1
        require(not places, "expected digits: look the labels up in y_train")
    require(
        same >= len(expected) - 2,
        f"{same} of {len(expected)} digits are as expected; are the rows divided by "
        "their lengths, and the largest product taken?",
    )
    right = np.sum(predictions == y_test)
    return f"right: {right} of {len(y_test)} digits read, by direction alone."


CHECKS = {
    "shapes": shapes,
    "channels_first": channels_first,
    "windows": windows,
    "sum_back": sum_back,
    "cosine": cosine,
}
