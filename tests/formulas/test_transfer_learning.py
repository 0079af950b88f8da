"""The formulas of practice/transfer_learning, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

formulas = chapter.load("practice/transfer_learning")

seeds = st.integers(0, 2**32 - 1)
TRAINED = [k for k in range(17) if k > 14 or k % 5 < 3]


def grouped(leaves, rates):
    """Parameter groups of one leaf each."""
    return [{"params": [w], "lr": r} for w, r in zip(leaves, rates, strict=True)]


@given(st.integers(1, 9), st.integers(1, 5), st.integers(2, 5), st.floats(0, 2), seeds)
def test_probe(n, D, K, lam, seed):
    rng = np.random.default_rng(seed)
    phi, W, b = rng.normal(size=(n, D)), rng.normal(size=(D, K)), rng.normal(size=K)
    b = b + rng.choice([0.0, 600.0])  # softmax must not overflow
    Y = np.eye(K)[rng.integers(K, size=n)]
    loss = np.float64(formulas.probe_loss(phi, Y, W, b, lam))
    ours = formulas.probe_gradients(phi, Y, W, b, lam)

    leaves = [torch.tensor(part, requires_grad=True) for part in (W, b, phi)]
    value = F.cross_entropy(leaves[2] @ leaves[0] + leaves[1], torch.tensor(Y))
    value = value + lam / 2 * leaves[0].square().sum()
    value.backward()
    same(loss, value, 1e3)
    for part, leaf in zip(ours, leaves, strict=True):
        same(part, leaf.grad, 1e3)

    variables = [tf.Variable(part) for part in (W, b, phi)]
    with tf.GradientTape() as tape:
        z = variables[2] @ variables[0] + variables[1]
        value = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(Y, z))
        value += lam / 2 * tf.reduce_sum(variables[0] ** 2)
    for part, other in zip(ours, tape.gradient(value, variables), strict=True):
        same(part, other, 1e3)

    p = keras.ops.softmax(keras.ops.convert_to_tensor(phi @ W + b))
    np.testing.assert_allclose(formulas.softmax(phi @ W + b), np.asarray(p), atol=1e-12)


@given(st.floats(0.01, 1), st.floats(0.1, 1), st.integers(1, 6), seeds)
def test_rates(eta, xi, H, seed):
    rates = formulas.layer_rates(eta, xi, H)
    expected = [eta]
    for _ in range(H - 1):
        expected.insert(0, expected[0] * xi)
    same(rates, np.array(expected))
    rng = np.random.default_rng(seed)
    theta, gradients = rng.normal(size=(2, H, 3))
    ours = formulas.layerwise_step(list(theta), list(gradients), rates)
    leaves = [torch.tensor(w, requires_grad=True) for w in theta]
    groups = grouped(leaves, rates)
    for leaf, g in zip(leaves, gradients, strict=True):
        leaf.grad = torch.tensor(g)
    torch.optim.SGD(groups).step()
    for part, leaf in zip(ours, leaves, strict=True):
        same(part, leaf, 10)


@given(st.integers(1, 12), st.floats(0.01, 0.9), seeds)
def test_drift(t, alpha, seed):
    batch, old = np.random.default_rng(seed).normal(size=(2, 6, 3))
    old = old[0]
    ours = formulas.drift(old, batch.mean(axis=0), alpha, t)
    mean, variance = torch.tensor(old), torch.ones(3, dtype=torch.float64)
    moving = tf.Variable(old)
    for _ in range(t):
        F.batch_norm(torch.tensor(batch), mean, variance, training=True, momentum=alpha)
        new = tf.reduce_mean(tf.constant(batch), axis=0)
        moving.assign((1 - alpha) * moving + alpha * new)
    same(ours, mean, 10)
    same(ours, moving, 10)


def network(rng, K):
    """Weights of the chapter's network, with statistics that are not 0 and 1."""
    weights = []
    for shape in ((3, 3, 1, 8), (3, 3, 8, 16), (144, 32)):
        C = shape[-1]
        weights += [rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))]
        weights += [rng.uniform(0.5, 1.5, size=C), rng.normal(size=C) / 2]
        weights += [rng.normal(size=C) / 2, rng.uniform(0.5, 1.5, size=C)]
    return [*weights, rng.normal(size=(32, K)) / 4, rng.normal(size=K)]


def network_tf(x, w, training):
    """The same with TensorFlow, float64: scores and the statistics of each layer."""
    seen = []
    for k in (0, 5, 10):
        W, gamma, beta, *now = w[k : k + 5]
        if k < 10:
            x = tf.nn.conv2d(x, W, strides=1 + k // 5, padding="VALID")
        else:
            x = tf.reshape(x, [-1, 144]) @ W
        if training:
            now = tf.nn.moments(x, axes=list(range(x.shape.rank - 1)))
        seen += list(now)
        x = tf.nn.relu(tf.nn.batch_normalization(x, *now, beta, gamma, 1e-5))
    return x @ w[15] + w[16], seen


@given(st.integers(2, 5), st.integers(2, 4), seeds)
def test_network_and_training(n, K, seed):
    rng = np.random.default_rng(seed)
    weights, x = network(rng, K), rng.normal(size=(n, 10, 10, 1))
    y = rng.integers(K, size=n)
    variables = [tf.Variable(w) for w in weights]
    same(formulas.scores(x, weights), network_tf(x, variables, False)[0], 1e3)

    rates = np.array([0.001, 0.002, 0.004, 0.008])
    before = [w.copy() for w in weights]
    ours, losses = formulas.train(weights, [(x, y)] * 2, rates)
    for old, w in zip(before, weights, strict=True):
        np.testing.assert_array_equal(old, w)  # what was given stays
    leaves = [torch.tensor(weights[k], requires_grad=True) for k in TRAINED]
    by_leaf = np.repeat(rates, [3, 3, 3, 2])
    groups = grouped(leaves, by_leaf)
    optimizer = torch.optim.Adam(groups)
    for step in range(2):
        with tf.GradientTape() as tape:
            z, seen = network_tf(x, variables, True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)
            loss = tf.reduce_mean(loss)
        same(np.float64(losses[step]), loss, 1e4)
        theirs = [variables[k] for k in TRAINED]
        for leaf, g in zip(leaves, tape.gradient(loss, theirs), strict=True):
            leaf.grad = torch.tensor(g.numpy())
        if step == 0:
            first = [leaf.grad.numpy().copy() for leaf in leaves]
        optimizer.step()
        for variable, leaf in zip(theirs, leaves, strict=True):
            variable.assign(leaf.detach().numpy())
        statistics = [variables[k] for k in range(15) if k % 5 > 2]
        for variable, new in zip(statistics, seen, strict=True):
            variable.assign(0.9 * variable + 0.1 * new)
    for k, variable in enumerate(variables):
        if k % 5 > 2 and k < 15:
            np.testing.assert_allclose(ours[k], variable, atol=1e-6)
    phi, done = formulas.forward(x, weights, training=True)
    dW, db, g = formulas.probe_gradients(phi, np.eye(K)[y], *weights[15:], 0.0)
    gradients = [*formulas.backward(g, weights, done), dW, db]
    for k, expected in zip(TRAINED, first, strict=True):
        np.testing.assert_allclose(gradients[k], expected, rtol=1e-7, atol=1e-7)


@given(st.integers(1, 6), st.sampled_from([1e-8, 0.1]), seeds)
def test_adam(steps, eps, seed):
    rng = np.random.default_rng(seed)
    theta = [rng.normal(size=3), rng.normal(size=(2, 2))]
    rates = [0.1, 0.01]
    leaves = [torch.tensor(w, requires_grad=True) for w in theta]
    groups = grouped(leaves, rates)
    optimizer = torch.optim.Adam(groups, eps=eps)
    m, v = [0.0, 0.0], [0.0, 0.0]
    for t in range(1, steps + 1):
        gradients = [rng.normal(size=w.shape) for w in theta]
        theta, m, v = formulas.adam(theta, gradients, m, v, t, rates, eps)
        for leaf, g in zip(leaves, gradients, strict=True):
            leaf.grad = torch.tensor(g)
        optimizer.step()
    for w, leaf in zip(theta, leaves, strict=True):
        same(w, leaf, 100)
