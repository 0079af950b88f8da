"""The formulas of architectures/convolution, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

formulas = chapter.load("architectures/convolution")

LAST = {"data_format": "channels_last"}


def last(x):
    """Pictures (n, C, H, W) with the channels last: (n, H, W, C)."""
    return np.transpose(x, (0, 2, 3, 1))


def first(x):
    """Pictures (n, H, W, C) with the channels first: (n, C, H, W)."""
    return np.transpose(x, (0, 3, 1, 2))


@st.composite
def layers(draw, padding=True):
    """Pictures, filters, biases and geometry (stride, padding, dilation) that fit."""
    small = st.integers(1, 3)
    K, L, stride, dilation = (draw(small) for _ in range(4))
    p = draw(st.integers(0, 2)) if padding else 0
    extra = st.integers(0, 5)
    H = max(1, dilation * (K - 1) + 1 + draw(extra) - 2 * p)
    W = max(1, dilation * (L - 1) + 1 + draw(extra) - 2 * p)
    n, C, filters = (draw(small) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x, w = rng.normal(size=(n, C, H, W)), rng.normal(size=(filters, C, K, L))
    return x, w, rng.normal(size=filters), (stride, p, dilation)


@given(layers())
def test_conv2d(layer):
    x, w, b, (stride, p, d) = layer
    ours = formulas.conv2d(x, w, b, stride, p, d)
    size = formulas.conv2d(abs(x), abs(w), abs(b), stride, p, d).max()
    tensors = map(torch.from_numpy, (x, w, b))
    same(ours, F.conv2d(*tensors, stride=stride, padding=p, dilation=d), size)
    zeros = [[0, 0], [p, p], [p, p], [0, 0]]
    w_last = w.transpose(2, 3, 1, 0)
    y = tf.nn.conv2d(last(x), w_last, strides=stride, padding=zeros, dilations=d) + b
    same(ours, first(y), size)
    if stride == 1 or d == 1:  # Keras knows no other
        padded = last(formulas.pad(x, p))
        y = keras.ops.conv(padded, w_last, strides=stride, dilation_rate=d, **LAST) + b
        same(ours, first(y), size)


@given(layers(), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_grouped_conv2d(layer, groups, seed):
    x, w, _, (stride, p, d) = layer
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(x), groups * x.shape[1], *x.shape[2:]))
    w = rng.normal(size=(groups * len(w), *w.shape[1:]))
    b = rng.normal(size=len(w))
    geometry = {"stride": stride, "padding": p, "dilation": d}
    ours = formulas.grouped_conv2d(x, w, b, groups, **geometry)
    size = formulas.grouped_conv2d(abs(x), abs(w), abs(b), groups, **geometry).max()
    tensors = map(torch.from_numpy, (x, w, b))
    same(ours, F.conv2d(*tensors, groups=groups, **geometry), size)
    zeros = [[0, 0], [p, p], [p, p], [0, 0]]
    w_last = w.transpose(2, 3, 1, 0)
    if d == 1:
        y = tf.nn.conv2d(last(x), w_last, strides=stride, padding=zeros) + b
        same(ours, first(y), size)
        padded = last(formulas.pad(x, p))
        y = keras.ops.conv(padded, w_last, strides=stride, **LAST) + b
        same(ours, first(y), size)


@given(layers(), st.integers(0, 2**32 - 1))
def test_conv2d_gradients(layer, seed):
    x, w, b, (stride, p, d) = layer
    tensors = [torch.from_numpy(part).requires_grad_() for part in (x, w, b)]
    y = F.conv2d(*tensors, stride=stride, padding=p, dilation=d)
    g = np.random.default_rng(seed).normal(size=y.shape)
    y.backward(torch.from_numpy(g))
    ours = formulas.conv2d_gradients(g, x, w, stride, p, d)
    size = abs(g).sum() * max(1, abs(x).max(), abs(w).max())
    for mine, theirs in zip(ours, tensors, strict=True):
        same(mine, theirs.grad, size)


@given(layers())
def test_conv2d_gradients_are_tensorflows(layer):
    x, w, b, (stride, p, _) = layer  # on a CPU it has none for dilation
    x = np.pad(x, [(0, 0), (0, 0), (0, 2), (0, 2)])
    variables = [tf.Variable(last(x)), tf.Variable(w.transpose(2, 3, 1, 0))]
    zeros = [[0, 0], [p, p], [p, p], [0, 0]]
    with tf.GradientTape() as tape:
        y = tf.nn.conv2d(*variables, strides=stride, padding=zeros)
    g = np.cos(np.arange(y.numpy().size, dtype=float)).reshape(y.shape)
    dx, dw, _ = formulas.conv2d_gradients(first(g), x, w, stride, p)
    theirs = tape.gradient(y, variables, output_gradients=g)
    size = abs(g).sum() * max(1, abs(x).max(), abs(w).max())
    same(dx, first(theirs[0]), size)
    same(dw, np.transpose(theirs[1], (3, 2, 0, 1)), size)


@given(layers())
def test_output_size(layer):
    x, w, b, (stride, p, d) = layer
    tensors = map(torch.from_numpy, (x, w, b))
    shape = F.conv2d(*tensors, stride=stride, padding=p, dilation=d).shape
    for rows, size, K in zip(shape[2:], x.shape[2:], w.shape[2:], strict=True):
        assert formulas.output_size(size, K, stride, p, d) == rows


@given(layers(padding=False))
def test_same_padding(layer):
    x, w, b, (stride, _, d) = layer
    if stride > 1:
        d = 1  # TensorFlow, too, knows no other for padding by name
    zeros = [
        formulas.same_padding(size, K, stride, d)
        for size, K in zip(x.shape[2:], w.shape[2:], strict=True)
    ]
    ours = formulas.conv2d(np.pad(x, [(0, 0), (0, 0), *zeros]), w, b, stride, 0, d)
    w_last = w.transpose(2, 3, 1, 0)
    options = {"strides": stride, "padding": "SAME"}
    same(ours, first(tf.nn.conv2d(last(x), w_last, dilations=d, **options) + b), 100)
    options["padding"] = "same"
    y = keras.ops.conv(last(x), w_last, dilation_rate=d, **options, **LAST) + b
    same(ours, first(y), 100)
    if stride == 1 and all(before == after for before, after in zeros):
        tensors = map(torch.from_numpy, (x, w, b))
        same(ours, F.conv2d(*tensors, padding="same", dilation=d), 100)


@given(layers())
def test_as_matrix(layer):
    x, w, _, (stride, p, d) = layer
    C = formulas.as_matrix(w, *x.shape[2:], stride=stride, padding=p, dilation=d)
    tensors = map(torch.from_numpy, (x, w))
    y = F.conv2d(*tensors, stride=stride, padding=p, dilation=d).numpy()
    same(x.reshape(len(x), -1) @ C.T, y.reshape(len(x), -1), 100)


@given(layers(padding=False))
def test_pooling(layer):
    x, w, _, (stride, _, _) = layer
    K = min(w.shape[2], *x.shape[2:])
    largest = formulas.max_pool(x, K, stride)
    mean = formulas.average_pool(x, K, stride)
    tensor = torch.from_numpy(x)
    same(largest, F.max_pool2d(tensor, K, stride))
    same(mean, F.avg_pool2d(tensor, K, stride), 10)
    pictures = tf.constant(last(x))
    options = {"ksize": K, "strides": stride, "padding": "VALID"}
    same(largest, first(tf.nn.max_pool2d(pictures, **options)))
    same(mean, first(tf.nn.avg_pool2d(pictures, **options)), 10)
    same(largest, first(keras.ops.max_pool(pictures, K, stride, **LAST)))
    same(mean, first(keras.ops.average_pool(pictures, K, stride, **LAST)), 10)


@given(st.lists(st.tuples(*[st.integers(1, 3)] * 3), max_size=4))
def test_receptive_field(layers):
    """Ask the gradient which inputs the first answer depends on."""
    x = torch.zeros(1, 1, 200, dtype=torch.float64, requires_grad=True)
    y = x
    for K, stride, dilation in layers:
        w = torch.ones(1, 1, K, dtype=torch.float64)
        y = F.conv1d(y, w, stride=stride, dilation=dilation)
    y[0, 0, 0].backward()
    seen = np.flatnonzero(x.grad[0, 0])
    assert formulas.receptive_field(layers) == seen[-1] - seen[0] + 1
