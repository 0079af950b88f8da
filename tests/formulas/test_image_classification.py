"""The formulas of architectures/image_classification, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

formulas = chapter.load("architectures/image_classification")

seeds = st.integers(0, 2**32 - 1)


@given(st.integers(0, 60), st.integers(1, 6), seeds)
def test_confusion(n, K, seed):
    y, y_hat = np.random.default_rng(seed).integers(K, size=(2, n))
    ours = formulas.confusion_matrix(y, y_hat, K)
    assert ours.shape == (K, K)
    np.testing.assert_array_equal(ours, tf.math.confusion_matrix(y, y_hat, K))
    pairs = torch.from_numpy(K * y + y_hat)
    np.testing.assert_array_equal(
        ours, torch.bincount(pairs, minlength=K * K).reshape(K, K)
    )
    one_hot = [keras.ops.one_hot(labels, K, dtype="int64") for labels in (y, y_hat)]
    np.testing.assert_array_equal(
        ours, keras.ops.matmul(keras.ops.transpose(one_hot[0]), one_hot[1])
    )
    if n:
        precision, recall = formulas.precision_recall(ours)
        options = {"labels": range(K), "average": None, "zero_division": 0}
        same(precision, precision_score(y, y_hat, **options))
        same(recall, recall_score(y, y_hat, **options))


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_standard_error(a, n):
    ours = np.float64(formulas.standard_error(a, n))
    a64 = torch.tensor(a, dtype=torch.float64)
    same(ours, torch.distributions.Binomial(n, a64).stddev / n)
    same(ours, np.float64(tf.sqrt(tf.constant(a, tf.float64) * (1 - a) / n)))
    answers = keras.ops.convert_to_tensor(np.array([0.0, 1.0]))  # wrong and right
    share = keras.ops.convert_to_tensor(np.array([1 - a, a]))
    variance = keras.ops.sum(share * (answers - a) ** 2)
    same(ours, keras.ops.sqrt(variance / n), 100)


@st.composite
def batches(draw):
    """Pictures x and gradients g of one shape, gamma and beta (C,)."""
    rng = np.random.default_rng(draw(seeds))
    n, H, W, C = (draw(st.integers(1, 4)) for _ in range(4))
    x, g = rng.normal(size=(2, n, H, W, C))
    return x + rng.normal(size=C), g, *rng.normal(size=(2, C))


@given(batches(), st.sampled_from([1e-5, 1e-3, 1.0]))
def test_batch_norm(batch, eps):
    x, _, gamma, beta = batch
    mean, variance = formulas.statistics(x)
    mean_tf, variance_tf = tf.nn.moments(tf.constant(x), [0, 1, 2])
    same(mean, mean_tf, 10)
    same(variance, variance_tf, 100)
    mean_keras, variance_keras = keras.ops.moments(x, axes=(0, 1, 2))
    same(mean, mean_keras, 10)
    same(variance, variance_keras, 100)

    ours = formulas.batch_norm(x, gamma, beta, mean, variance, eps)
    size = 1e5  # division by a small deviation amplifies rounding
    same(
        ours,
        tf.nn.batch_normalization(x, mean_tf, variance_tf, beta, gamma, eps),
        size,
    )
    same(
        ours,
        keras.ops.batch_normalization(
            x, mean_keras, variance_keras, -1, beta, gamma, eps
        ),
        size,
    )
    layer = torch.nn.functional.batch_norm(
        torch.tensor(x).permute(0, 3, 1, 2),
        torch.tensor(mean),
        torch.tensor(variance),
        torch.tensor(gamma),
        torch.tensor(beta),
        eps=eps,
    )
    same(ours, layer.permute(0, 2, 3, 1), size)
    default = formulas.batch_norm(x, gamma, beta, mean, variance)
    same(default, formulas.batch_norm(x, gamma, beta, mean, variance, 1e-5), size)


@given(batches(), st.sampled_from([1e-5, 1e-3, 1.0]))
def test_batch_norm_gradients(batch, eps):
    x, g, gamma, beta = batch
    ours = formulas.batch_norm_gradients(g, x, gamma, eps)
    size = 1e6 * (1 + np.abs(gamma).max())

    x_torch, gamma_torch, beta_torch = (
        torch.tensor(part, requires_grad=True) for part in (x, gamma, beta)
    )
    mean = x_torch.mean(dim=(0, 1, 2))
    variance = x_torch.var(dim=(0, 1, 2), correction=0)
    y = gamma_torch * (x_torch - mean) / torch.sqrt(variance + eps) + beta_torch
    y.backward(torch.tensor(g))
    for part, theirs in zip(ours, (x_torch, gamma_torch, beta_torch), strict=True):
        same(part, theirs.grad, size)

    variables = [tf.Variable(part) for part in (x, gamma, beta)]
    with tf.GradientTape() as tape:
        moments = tf.nn.moments(variables[0], [0, 1, 2])
        y = tf.nn.batch_normalization(
            variables[0], *moments, variables[2], variables[1], eps
        )
    theirs = tape.gradient(y, variables, output_gradients=g)
    for part, other in zip(ours, theirs, strict=True):
        same(part, other, size)
    same(
        formulas.batch_norm_gradients(g, x, gamma)[0],
        formulas.batch_norm_gradients(g, x, gamma, 1e-5)[0],
        size,
    )


@given(batches(), st.floats(0, 1))
def test_running(batch, alpha):
    x, _, old, _ = batch
    new, variance = formulas.statistics(x)
    ours = formulas.running(old, new, alpha)
    running = torch.tensor(old), torch.zeros(len(old), dtype=torch.float64)
    if x[..., 0].size > 1:
        torch.nn.functional.batch_norm(
            torch.tensor(x).permute(0, 3, 1, 2), *running, training=True, momentum=alpha
        )
        same(ours, running[0], 10)
    same(formulas.running(old, new), 0.9 * old + 0.1 * new, 10)
    if keras.backend.backend() == "tensorflow":
        layer = keras.layers.BatchNormalization(momentum=0.9, dtype="float64")
        layer.build(x.shape)
        layer.moving_mean.assign(old)
        layer(x, training=True)
        np.testing.assert_allclose(
            formulas.running(old, new), np.asarray(layer.moving_mean.value), atol=1e-6
        )


@given(st.integers(1, 4), st.integers(3, 7), st.integers(3, 7), seeds)
def test_augment(n, H, W, seed):
    rng = np.random.default_rng(seed)
    p = int(rng.integers(3))
    x = rng.normal(size=(n, H, W, 2))
    r, s = rng.integers(2 * p + 1, size=(2, n))
    f = rng.integers(2, size=n)
    ours = formulas.augment(x, r, s, f, p)
    padded = torch.nn.functional.pad(
        torch.tensor(x).permute(0, 3, 1, 2), (p, p, p, p), mode="reflect"
    )
    padded_tf = tf.pad(x, [[0, 0], [p, p], [p, p], [0, 0]], mode="REFLECT")
    for i in range(n):
        window = padded[i, :, r[i] : r[i] + H, s[i] : s[i] + W]
        window = window.flip(-1) if f[i] else window
        same(ours[i], window.permute(1, 2, 0))
        window = tf.image.crop_to_bounding_box(padded_tf[i], r[i], s[i], H, W)
        same(ours[i], tf.image.flip_left_right(window) if f[i] else window)
        window = keras.ops.slice(padded_tf[i], (r[i], s[i], 0), (H, W, 2))
        same(ours[i], keras.ops.flip(window, axis=1) if f[i] else window)
