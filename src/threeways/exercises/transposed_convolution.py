"""Checks of the exercises of architectures/transposed_convolution."""

import numpy as np

from threeways.checking import require, require_answer, require_result
from threeways.parity import to_numpy


def output_padding(answer):
    """Count the rows that the convolution never looks at."""
    for H, K, s, p in [(8, 3, 2, 1), (7, 3, 2, 1), (10, 5, 3, 2), (9, 2, 4, 0)]:
        rows = (H + 2 * p - K) // s + 1
        back = (rows - 1) * s - 2 * p + K
        got = require_answer(answer(H, K, s, p))
        require(
            back + got == H,
            f"for H = {H}, K = {K}, s = {s}, p = {p} the convolution gives {rows} "
            f"rows; with output padding {got} the transposed one gives {back + got}",
        )
    return "right: what the floor in the convolution's size cut off comes back."


def filters(answer):
    """Make the four rows of weights of length 1, at right angles to each other."""
    w = to_numpy(require_result(answer)).astype(float)
    require(w.shape == (4, 1, 2, 2), f"expected shape (4, 1, 2, 2), got {w.shape}")
    first = w[0].ravel()
    require(
        first.min() > 0 and np.ptp(first) < 1e-6,
        "the four weights of the first filter aren't equal and positive",
    )
    Q = w.reshape(4, 4)
    lengths = np.sum(Q**2, axis=1)
    require(
        np.allclose(lengths, 1, atol=1e-5),
        f"the squares of a filter's weights must sum to 1, they sum to "
        f"{lengths.round(3).tolist()}; else the picture comes back brighter or darker",
    )
    require(
        np.allclose(Q @ Q.T, np.eye(4), atol=1e-5),
        "two of the filters aren't at a right angle: their inner product isn't 0",
    )
    return "right: C is orthogonal, so its transpose undoes it."


def one_kernel(answer):
    """Follow one lit pixel both ways, in 1-D first; its stamp starts a place before."""
    rng = np.random.default_rng(seed=0)
    for _ in range(3):
        w, x = rng.normal(size=(3, 3)), rng.normal(size=(5, 6))
        got = to_numpy(require_answer(answer(w.copy())))
        require(got.shape == (4, 4), f"expected shape (4, 4), got {got.shape}")
        large = np.pad(x.repeat(2, axis=0).repeat(2, axis=1), 1)
        expected = sum(
            w[k, m] * large[k : k + 10, m : m + 12] for k, m in np.ndindex(3, 3)
        )
        off = [np.abs(_spread(x, k) - expected).max() for k in (got, got[::-1, ::-1])]
        require(
            off[0] < 1e-9 or off[1] > 1e-9,
            "almost: those weights are flipped. The transposed layer writes with "
            "them, the convolution reads",
        )
        require(
            off[0] < 1e-9,
            f"the outputs differ by up to {off[0]:.2g}; feed a picture with one lit "
            "pixel through both ways",
        )
    return "right: resizing and convolving is one transposed convolution."


def bilinear(answer):
    """An output lies 1/4 or 3/4 of the way between two pixels: mix them so."""
    w = to_numpy(require_result(answer)).astype(float)
    require(w.shape == (4, 4), f"expected shape (4, 4), got {w.shape}")
    inside = (slice(2, -2), slice(2, -2))
    flat = _spread(np.ones((5, 5)), w)[inside]
    require(
        np.ptp(flat) < 1e-6,
        f"a flat picture doesn't stay flat: from 1 it becomes "
        f"{flat[:2, :2].round(3).tolist()}",
    )
    require(
        abs(flat[0, 0] - 1) < 1e-6,
        f"a picture of ones becomes {flat[0, 0]:.3g}; expected 1",
    )
    ramp = np.arange(5.0) + np.zeros((5, 1))
    for name, picture in (("from left to right", ramp), ("from top to bottom", ramp.T)):
        steps = np.diff(_spread(picture, w)[inside], axis=0 if "top" in name else 1)
        require(
            np.allclose(steps, 0.5, atol=1e-6),
            f"a ramp {name} climbs by {np.unique(steps.round(3)).tolist()} per pixel; "
            "expected 0.5 everywhere",
        )
    return "right: that is bilinear interpolation."


def enlarge(answer):
    """Learn each pixel from the block means: by least squares, or a network."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 1, 8, 8).astype("float32") / 16
    _, X = train_test_split(X, test_size=400, random_state=0, stratify=y)
    small = X.reshape(-1, 1, 4, 2, 4, 2).mean(axis=(3, 5))
    got = to_numpy(require_answer(answer(small)))
    require(got.shape == X.shape, f"expected shape {X.shape}, got {got.shape}")
    repeated = np.mean((small.repeat(2, axis=2).repeat(2, axis=3) - X) ** 2)
    error = np.mean((got - X) ** 2)
    require(
        error < repeated * 2 / 3,
        f"mean squared error {error:.4f}; repeating the pixels has {repeated:.4f}, "
        f"expected less than two thirds of it, {repeated * 2 / 3:.4f}",
    )
    return "right: what the block means lost, knowledge of digits guesses."


def _spread(x, w):
    """Transposed convolution of x (H, W) with w (4, 4): stride 2, crop 1: (2H, 2W)."""
    H, W = x.shape
    y = np.zeros((2 * H + 2, 2 * W + 2))
    for k, m in np.ndindex(4, 4):
        y[k : k + 2 * H : 2, m : m + 2 * W : 2] += w[k, m] * x
    return y[1:-1, 1:-1]


CHECKS = {
    "output_padding": output_padding,
    "filters": filters,
    "one_kernel": one_kernel,
    "bilinear": bilinear,
    "enlarge": enlarge,
}
