"""Checks of the exercises of architectures/convolution."""

import numpy as np

from threeways.checking import require, require_answer
from threeways.parity import to_numpy


def edge_filter(answer):
    """Subtract what lies on the left from what lies on the right."""
    w = to_numpy(require_answer(answer)).astype(float)
    require(w.shape == (3, 3), f"expected shape (3, 3), got {w.shape}")
    brighter = np.array([0.0, 0.0, 1.0])
    cases = {
        "brighter to the right": (np.tile(brighter, (3, 1)), 1),
        "darker to the right": (np.tile(brighter[::-1], (3, 1)), -1),
        "flat": (np.ones((3, 3)), 0),
        "striped from top to bottom": (np.tile(brighter[:, None], (1, 3)), 0),
    }
    for case, (window, sign) in cases.items():
        got = np.sum(w * window)
        good = abs(got) < 1e-9 if sign == 0 else got * sign > 0
        want = {1: "a positive number", -1: "a negative number", 0: "zero"}[sign]
        require(good, f"on a window that is {case}, expected {want}, got {got:g}")
    return "right: what lies on the right counts against what lies on the left."


def separable(answer):
    """x[:, [c]] is one channel, mix[:, :, None, None] are filters (O, C, 1, 1)."""
    rng = np.random.default_rng(seed=0)
    x = rng.normal(size=(2, 3, 7, 6))
    kernels, mix = rng.normal(size=(3, 3, 2)), rng.normal(size=(4, 3))
    got = to_numpy(require_answer(answer(x, kernels, mix)))
    # The same as one layer whose filters are products of kernel and mixing weight.
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 2), axis=(2, 3))
    expected = np.einsum("nchwkl,ckl,oc->nohw", windows, kernels, mix)
    require(
        got.shape == expected.shape,
        f"expected shape {expected.shape}, got {got.shape}",
    )
    off = np.abs(got - expected).max()
    require(off < 1e-9, f"the answers are off by up to {off:.2g}")
    few, many = kernels.size + mix.size, 4 * kernels.size
    return (
        f"right: 3 to 4 channels by 3 × 2 take {few} weights, not {many}; but fewer "
        "functions: one kernel a channel serves all filters."
    )


def max_pool_gradient(answer):
    """Spread g and the maxima by np.repeat, and keep g where x is the maximum."""
    rng = np.random.default_rng(seed=0)
    for K in (2, 3):
        x = rng.permutation(np.arange(2 * 3 * 36.0)).reshape(
            2, 3, 6, 6
        )  # no two are equal
        g = rng.normal(size=(2, 3, 6 // K, 6 // K))
        got = to_numpy(require_answer(answer(g, x, K)))
        require(got.shape == x.shape, f"expected shape {x.shape}, got {got.shape}")
        expected = np.zeros_like(x)
        for n, c, i, j in np.ndindex(g.shape):
            window = x[n, c, K * i : K * i + K, K * j : K * j + K]
            k, m = np.unravel_index(window.argmax(), window.shape)
            expected[n, c, K * i + k, K * j + m] = g[n, c, i, j]
        require(
            np.count_nonzero(got) == g.size,
            f"for K = {K}, {np.count_nonzero(got)} pixels got a gradient, "
            f"expected {g.size}: one in each window",
        )
        require(np.allclose(got, expected), f"for K = {K}, some pixels got a wrong one")
    return "right: the largest takes it all."


def blur_pool(answer):
    """Blur each channel by itself, by windows and (1, 2, 1) / 4 both ways."""
    rng = np.random.default_rng(seed=0)
    noise = rng.normal(size=(20, 2, 33, 32))
    one, other = noise[:, :, 1:], noise[:, :, :-1]  # the same, one row lower
    pooled, moved = (to_numpy(require_answer(answer(x))) for x in (one, other))
    require(
        pooled.ndim == 4 and pooled.shape[:2] == (20, 2),
        f"expected pictures and channels to stay (20, 2), got shape {pooled.shape}",
    )
    require(
        all(13 <= size <= 17 for size in pooled.shape[2:]),
        f"expected about 16 rows and columns, got {pooled.shape[2:]}",
    )
    require(
        pooled.std() > 0.1,
        "the outputs hardly differ from each other: too much is blurred away",
    )

    def change(first, second):
        return np.abs(first - second).mean() / first.std()

    def max_pool(x):
        return x.reshape(20, 2, 16, 2, 16, 2).max(axis=(3, 5))

    ratio = change(pooled, moved) / change(max_pool(one), max_pool(other))
    require(
        ratio < 0.85,
        f"the outputs change {ratio:.2f} times as much as max pooling's; "
        "expected less than 0.85",
    )
    return f"right: a shift changes {ratio:.2f} times as much as under max pooling."


CHECKS = {
    "edge_filter": edge_filter,
    "separable": separable,
    "max_pool_gradient": max_pool_gradient,
    "blur_pool": blur_pool,
}
