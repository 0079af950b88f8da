"""The formulas of architectures/transposed_convolution, against all frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional as F

formulas = chapter.load("architectures/transposed_convolution")

seeds = st.integers(0, 2**32 - 1)
OPTIONS = {"padding": "valid", "data_format": "channels_last"}


@st.composite
def layers(draw, dilations=(1, 2)):
    """Pictures x (n, C, H, W), weights w (C, O, K, L), bias b (O,), and a geometry.

    The geometry is PyTorch's: stride, padding, output padding, dilation.
    """
    n, C, O = (draw(st.integers(1, 3)) for _ in range(3))  # noqa: E741
    H, W, K, L = (draw(st.integers(1, 4)) for _ in range(4))
    s, d = draw(st.integers(1, 3)), draw(st.sampled_from(dilations))
    p = draw(st.integers(0, 2))
    extra = draw(st.integers(0, max(s, d) - 1))
    for size, taps in ((H, K), (W, L)):
        assume((size - 1) * s + d * (taps - 1) + 1 > 2 * p)
    rng = np.random.default_rng(draw(seeds))
    x, w = rng.normal(size=(n, C, H, W)), rng.normal(size=(C, O, K, L))
    return x, w, rng.normal(size=O), (s, p, extra, d)


def first(y):
    """From channels last to channels first."""
    return np.moveaxis(np.asarray(y), -1, 1)


def last(x):
    """From channels first to channels last."""
    return np.moveaxis(x, 1, -1)


def in_tensorflow(x, w, stride):
    """Transposed convolution without crop or bias, channels last."""
    n, H, W, _ = x.shape
    K, L, O, _ = w.shape  # noqa: E741
    shape = [n, (H - 1) * stride + K, (W - 1) * stride + L, O]
    return tf.nn.conv2d_transpose(x, w, shape, stride, "VALID")


SIZE = 1e3  # more than the sum of all terms of one output


@given(layers())
def test_conv2d_transpose_and_transposed_size(problem):
    x, w, b, (s, p, extra, d) = problem
    crop = (p, p - extra)
    ours = formulas.conv2d_transpose(x, w, b, s, crop, d)
    same(
        ours,
        F.conv_transpose2d(
            *map(torch.tensor, (x, w, b)), s, p, output_padding=extra, dilation=d
        ),
        SIZE,
    )
    for axis in (2, 3):
        size = formulas.transposed_size(x.shape[axis], w.shape[axis], s, crop, d)
        assert size == ours.shape[axis]

    plain = formulas.conv2d_transpose(x, w, b, s)
    w_last = w.transpose(2, 3, 1, 0)
    same(plain, first(in_tensorflow(last(x), w_last, s) + b), SIZE)
    if min(w.shape[2:]) >= s:  # Keras adds rows otherwise
        theirs = keras.ops.conv_transpose(last(x), w_last, strides=s, **OPTIONS) + b
        same(plain, first(theirs), SIZE)


@given(layers())
def test_conv2d_and_windows(problem):
    """The convolution, and that the other function is its transpose."""
    x, w, _, (s, p, _, d) = problem
    zero = np.zeros(w.shape[1])
    y = formulas.conv2d_transpose(x, w, zero, s, (p, p), d)
    ours = formulas.conv2d(y, w, s, (p, p), d)
    theirs = F.conv2d(torch.tensor(y), torch.tensor(w), None, s, p, d)
    same(ours, theirs, SIZE)
    other = np.random.default_rng(0).normal(size=y.shape)
    same(
        np.sum(formulas.conv2d(other, w, s, (p, p), d) * x), np.sum(other * y), SIZE**2
    )
    if d == 1:
        w_last = w.transpose(2, 3, 1, 0)
        padded = last(np.pad(y, [(0, 0), (0, 0), (p, p), (p, p)]))
        same(ours, first(tf.nn.conv2d(padded, w_last, s, "VALID")), SIZE)
        same(ours, first(keras.ops.conv(padded, w_last, s, **OPTIONS)), SIZE)


def test_uneven_padding():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(1, 2, 5, 6)), rng.normal(size=(3, 2, 2, 3))
    padded = F.pad(torch.tensor(x), (2, 1, 2, 1))
    ours = formulas.conv2d(x, w, 2, (2, 1))
    same(ours, F.conv2d(padded, torch.tensor(w), stride=2), SIZE)
    assert formulas.windows(x, 2, 3, 2, (2, 1)).shape == (1, 2, 4, 4, 2, 3)


@given(layers())
def test_conv2d_transpose_gradients(problem):
    x, w, b, (s, p, extra, d) = problem
    inputs = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    y = F.conv_transpose2d(*inputs, s, p, output_padding=extra, dilation=d)
    g = np.random.default_rng(1).normal(size=tuple(y.shape))
    y.backward(torch.tensor(g))
    crop = (p, p - extra)
    ours = formulas.conv2d_transpose_gradients(g, x, w, s, crop, d)
    for mine, theirs in zip(ours, inputs, strict=True):
        same(mine, theirs.grad, SIZE)

    variables = [tf.Variable(a) for a in (last(x), w.transpose(2, 3, 1, 0), b)]
    with tf.GradientTape() as tape:
        y = in_tensorflow(variables[0], variables[1], s) + variables[2]
    g = np.random.default_rng(2).normal(size=tuple(y.shape))
    dx, dw, db = tape.gradient(y, variables, output_gradients=g)
    ours = formulas.conv2d_transpose_gradients(first(g), x, w, s)
    same(ours[0], first(dx), SIZE)
    same(ours[1], np.transpose(dw, (3, 2, 0, 1)), SIZE)
    same(ours[2], db, SIZE)
    same(ours[0], first(keras.ops.conv(g, w.transpose(2, 3, 1, 0), s, **OPTIONS)), SIZE)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), seeds)
def test_same_crop(H, K, s, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(1, 2, H, H)), rng.normal(size=(2, 1, K, K))
    crop = formulas.same_crop(H, K, s * H, s)
    ours = formulas.conv2d_transpose(x, w, np.zeros(1), s, crop)
    w_last = w.transpose(2, 3, 1, 0)
    theirs = tf.nn.conv2d_transpose(last(x), w_last, [1, s * H, s * H, 1], s, "SAME")
    same(ours, first(theirs), SIZE)
    theirs = keras.ops.conv_transpose(
        last(x), w_last, s, padding="same", data_format="channels_last"
    )
    same(ours, first(theirs), SIZE)
    # Written out with PyTorch: the largest output, cut on both sides.
    before, after = crop
    theirs = F.pad(
        F.conv_transpose2d(torch.tensor(x), torch.tensor(w), stride=s),
        (-before, -after, -before, -after),
    )
    same(ours, theirs, SIZE)
    dilated = formulas.same_crop(H, K, s * H, s, dilation=2)
    assert dilated == formulas.same_crop(H, 2 * K - 1, s * H, s)


@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 2), seeds)
def test_phase_sums(K, s, channels, seed):
    rng = np.random.default_rng(seed)
    w, b = rng.normal(size=(channels, 2, K, K)), rng.normal(size=2)
    ours = formulas.phase_sums(w, b, s)
    H = K + 2
    ones, at = np.ones((1, channels, H, H)), slice(s * K, s * K + s)
    theirs = F.conv_transpose2d(*map(torch.tensor, (ones, w, b)), stride=s)
    same(ours, theirs[0, :, at, at], SIZE)
    w_last = w.transpose(2, 3, 1, 0)
    theirs = in_tensorflow(last(ones), w_last, s) + b
    same(ours, first(theirs)[0, :, at, at], SIZE)
    theirs = keras.ops.conv_transpose(last(ones), w_last, strides=s, **OPTIONS) + b
    same(ours, first(theirs)[0, :, at, at], SIZE)


@given(*[st.integers(1, 4)] * 3, st.integers(1, 3), seeds)
def test_resize_and_pixel_shuffle(channels, H, W, s, seed):
    x = np.random.default_rng(seed).normal(size=(2, channels, H, W))
    ours = formulas.resize(x, s)
    same(ours, F.interpolate(torch.tensor(x), scale_factor=s))
    theirs = tf.image.resize(last(x), [s * H, s * W], method="nearest")
    same(ours, first(theirs))
    same(ours, first(keras.layers.UpSampling2D(s, dtype="float64")(last(x))))

    x = np.random.default_rng(seed).normal(size=(2, channels * s * s, H, W))
    ours = formulas.pixel_shuffle(x, s)
    same(ours, F.pixel_shuffle(torch.tensor(x), s))
    order = np.arange(channels * s * s).reshape(channels, s * s).T.ravel()
    x_last = last(x)[..., order]
    if s > 1:  # TensorFlow wants blocks of at least 2
        same(ours, first(tf.nn.depth_to_space(x_last, s)))
        theirs = keras.ops.depth_to_space(x_last, s, data_format="channels_last")
        same(ours, first(theirs))


@given(st.integers(1, 6), st.integers(1, 6), seeds)
def test_iou(H, W, seed):
    mask, truth = np.random.default_rng(seed).random((2, H, W)) > 0.4
    assume((mask | truth).any())
    ours = formulas.iou(mask, truth)
    a, b = torch.tensor(mask), torch.tensor(truth)
    same(ours, (a & b).sum().double() / (a | b).sum())
    both = tf.math.count_nonzero(tf.logical_and(mask, truth))
    same(ours, both / tf.math.count_nonzero(tf.logical_or(mask, truth)))
    metric = keras.metrics.BinaryIoU([1], threshold=0.5, dtype="float64")
    metric.update_state(truth.astype(float), mask.astype(float))
    np.testing.assert_allclose(ours, float(metric.result()), atol=1e-6)
