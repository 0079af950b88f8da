"""The formulas of foundations/overfitting, against the three frameworks."""

import itertools

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import matrices, same, vectors
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("foundations/overfitting")

seeds = st.integers(0, 2**32 - 1)
strengths = st.floats(0, 2).map(lambda value: float(np.float32(value)))
rates = st.floats(0.1, 0.9).map(lambda p: float(np.float32(p)))


@given(matrices())
def test_bias_variance(predictions):
    f = np.linspace(-1, 1, predictions.shape[1])
    ours = np.stack(formulas.bias_variance(predictions, f))
    size = 4 * (1 + np.abs(predictions).max()) ** 2

    runs = torch.tensor(predictions)
    bias2 = ((runs.mean(dim=0) - torch.tensor(f)) ** 2).mean()
    same(ours, [bias2, runs.var(dim=0, correction=0).mean()], size)
    bias2 = tf.reduce_mean((tf.reduce_mean(predictions, axis=0) - f) ** 2)
    variance = tf.reduce_mean(tf.math.reduce_variance(predictions, axis=0))
    same(ours, [bias2, variance], size)
    bias2 = keras.ops.mean((keras.ops.mean(predictions, axis=0) - f) ** 2)
    same(ours, [bias2, keras.ops.mean(keras.ops.var(predictions, axis=0))], size)
    # The decomposition itself: the mean squared error is the sum of the two.
    same(ours.sum(), np.mean((predictions - f) ** 2), size)


@given(vectors(5), strengths, strengths)
def test_penalty(w, l1, l2):
    ours = np.float64(formulas.penalty(w, l1, l2))
    slope = formulas.penalty_gradient(w, l1, l2)
    size = 1 + 10 * np.sum(np.abs(w)) + 10 * np.sum(w**2)

    w_torch = torch.tensor(w, requires_grad=True)
    theirs = l1 * w_torch.abs().sum() + l2 * (w_torch**2).sum()
    theirs.backward()
    same(ours, theirs, size)
    same(slope, w_torch.grad, size)

    w_tf = tf.Variable(w)
    with tf.GradientTape() as tape:
        theirs = l1 * tf.reduce_sum(tf.abs(w_tf)) + 2 * l2 * tf.nn.l2_loss(w_tf)
    same(ours, theirs, size)
    same(slope, tape.gradient(theirs, w_tf), size)

    w_keras = keras.ops.convert_to_tensor(w)
    same(ours, keras.regularizers.L1(l1)(w_keras) + keras.regularizers.L2(l2)(w_keras),
         size)  # fmt: skip


@given(vectors(5, bound=10), strengths)
def test_shrink(v, lam):
    soft = formulas.shrink_l1(v, lam)
    same(soft, torch.nn.functional.softshrink(torch.tensor(v), lam), 20)
    same(soft, tf.sign(v) * tf.nn.relu(tf.abs(v) - lam), 20)
    same(soft, keras.ops.soft_shrink(v, threshold=lam), 20)

    # Both minimise what their docstrings say: no nearby weight is better.
    ridge = formulas.shrink_l2(v, lam)
    same((1 + 2 * lam) * ridge, v, 100)
    for step in (-0.01, 0.01):
        for w, cost in [
            (soft, lambda w: lam * np.abs(w)),
            (ridge, lambda w: lam * w**2),
        ]:
            here = (w - v) ** 2 / 2 + cost(w)
            there = (w + step - v) ** 2 / 2 + cost(w + step)
            assert np.all(here <= there + 1e-12)


@given(vectors(4, bound=10), vectors(4, bound=10), strengths, strengths)
def test_decay_step(w, target, eta, lam):
    """SGD with L2 in the loss, and with a decay of twice the strength, is one step."""
    g = w - target  # of the loss sum((w - target)**2) / 2
    ours = formulas.decay_step(w, g, eta, 2 * lam)
    size = 100 * (1 + np.abs(w).max() + np.abs(target).max())

    w_torch = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.SGD([w_torch], lr=eta, weight_decay=2 * lam)
    (((w_torch - torch.tensor(target)) ** 2).sum() / 2).backward()
    optimizer.step()
    same(ours, w_torch, size)

    w_tf = tf.Variable(w)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((w_tf - target) ** 2) / 2 + lam * tf.reduce_sum(w_tf**2)
    w_tf.assign_sub(eta * tape.gradient(loss, w_tf))
    same(ours, w_tf, size)

    if eta and lam:
        w_keras = keras.Variable(w, dtype="float64")
        keras.optimizers.SGD(eta, weight_decay=2 * lam).apply([g], [w_keras])
        same(ours, w_keras, size)


@given(vectors(3, bound=10), seeds, st.booleans(), st.sampled_from([0.125, 0.5]))
def test_adam_step(w, seed, decoupled, strength):
    """Four steps with L2 are torch's Adam; decoupled, all three AdamW."""
    gradients = np.random.default_rng(seed).normal(size=(4, 3))
    how = {"c": 2 * strength} if decoupled else {"l2": strength}
    ours, m, s = w, np.zeros(3), np.zeros(3)
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    w_torch = torch.tensor(w, requires_grad=True)
    optimizer = kind([w_torch], lr=0.125, weight_decay=2 * strength)
    w_keras = keras.Variable(w, dtype="float64")
    adam = keras.optimizers.Adam(
        0.125, epsilon=1e-14, weight_decay=2 * strength if decoupled else None
    )
    without_eps = w
    m_eps, s_eps = m, s
    for t, g in enumerate(gradients, start=1):
        ours, m, s = formulas.adam_step(ours, m, s, g, t, 0.125, **how)
        w_torch.grad = torch.tensor(g)
        optimizer.step()
        same(ours, w_torch, 100 * (1 + np.abs(w)))
        # Keras puts epsilon elsewhere and rounds the betas to float32.
        without_eps, m_eps, s_eps = formulas.adam_step(
            without_eps, m_eps, s_eps, g, t, 0.125, eps=1e-14, **how
        )
        g_keras = g if decoupled else g + 2 * strength * np.asarray(w_keras.value)
        adam.apply([g_keras], [w_keras])
        np.testing.assert_allclose(without_eps, np.asarray(w_keras.value), atol=5e-5)


def test_adam_epsilon_is_added():
    """With a zero gradient the division by epsilon alone leaves the weight in place."""
    w, m, s = formulas.adam_step(1.0, 0.0, 0.0, 1.0, 1, eta=0.5, eps=1.0)
    same(np.float64(w), np.float64(0.75))


@given(matrices(), rates, seeds)
def test_dropout(h, p, seed):
    h = h + 200.0  # no zeros, so that the mask can be read off the output
    size = 10 * np.abs(h).max()
    torch.manual_seed(seed)
    theirs = torch.nn.functional.dropout(torch.tensor(h), p)
    same(formulas.dropout(h, theirs.numpy() != 0, p), theirs, size)
    theirs = tf.nn.dropout(h, rate=p).numpy()
    same(formulas.dropout(h, theirs != 0, p), theirs, size)
    layer = keras.layers.Dropout(p, dtype="float64")
    theirs = np.asarray(layer(h, training=True))
    np.testing.assert_allclose(formulas.dropout(h, theirs != 0, p), theirs, rtol=1e-6)


@given(rates, st.floats(-5, 5))
def test_dropout_moments(p, h):
    """Mean and variance over both masks, each with its probability."""
    kept, dropped = (formulas.dropout(h, keep, p) for keep in (1, 0))
    mean = (1 - p) * kept + p * dropped
    variance = (1 - p) * (kept - mean) ** 2 + p * (dropped - mean) ** 2
    same(np.float64(mean), np.float64(h), 100)
    same(np.float64(variance), np.float64(formulas.dropout_variance(h, p)), 1e4)


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0]), min_size=1, max_size=12),
       st.integers(1, 4))  # fmt: skip
def test_early_stopping(losses, patience):
    """The same epochs as Keras' callback, and as a search from the definition."""
    best, last = formulas.early_stopping(losses, patience)

    callback = keras.callbacks.EarlyStopping(patience=patience, mode="min")
    callback.set_model(model := keras.Sequential([keras.Input((1,))]))
    model.stop_training = False
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    assert (best, last) == (callback.best_epoch, epoch)

    def best_until(t):
        return int(np.argmin(losses[: t + 1]))

    stops = [t for t in range(len(losses)) if t - best_until(t) >= patience]
    assert last == min(stops, default=len(losses) - 1)
    assert best == best_until(last)


@st.composite
def networks(draw):
    """Weights, inputs, one-hot targets and a mask of two small networks at once."""
    n, d, h, K = (draw(st.integers(2, 5)) for _ in range(4))
    rng = np.random.default_rng(draw(seeds))
    shapes = [(2, d, h), (2, 1, h), (2, h, K), (2, 1, K)]
    params = [rng.normal(size=shape) for shape in shapes]
    X, Y = rng.normal(size=(2, n, d)), np.eye(K)[rng.integers(K, size=(2, n))]
    return params, X, Y, rng.integers(2, size=(2, n, h)) * 2.0


def torch_loss(params, X, Y, mask, normalised):
    W1, b1, W2, b2 = params
    a = X @ W1
    if normalised:
        a = torch.nn.functional.batch_norm(a, None, None, training=True)
    z = (torch.relu(a + b1) * mask) @ W2 + b2
    return torch.nn.functional.cross_entropy(z, Y)


def tf_loss(params, X, Y, mask, normalised):
    W1, b1, W2, b2 = params
    a = X @ W1
    if normalised:
        a = tf.nn.batch_normalization(a, *tf.nn.moments(a, [0]), None, None, 1e-5)
    z = (tf.nn.relu(a + b1) * mask) @ W2 + b2
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(Y, z))


def compare_gradients(function, network, normalised):
    params, X, Y, mask = network
    ours = function(params, X, Y, mask)
    # Where a unit hardly varies over the batch, its normalised values amplify rounding.
    size = 1e4 if normalised else 1e2
    for s in range(2):  # the two networks, one after the other
        W = [torch.tensor(w[s], requires_grad=True) for w in params]
        rest = [torch.tensor(part[s]) for part in (X, Y, mask)]
        torch_loss(W, *rest, normalised).backward()
        V = [tf.Variable(w[s]) for w in params]
        with tf.GradientTape() as tape:
            loss = tf_loss(V, X[s], Y[s], mask[s], normalised)
        for g, w, g_tf in zip(ours, W, tape.gradient(loss, V), strict=True):
            same(g[s], w.grad, size)
            same(g[s], g_tf, size)


@given(networks())
def test_gradients(network):
    compare_gradients(formulas.gradients, network, normalised=False)


@given(networks())
def test_normalised_gradients(network):
    compare_gradients(formulas.normalised_gradients, network, normalised=True)


@given(networks())
def test_forward_and_cross_entropy(network):
    params, X, Y, mask = network
    hidden, z = formulas.forward(params, X, mask)
    ours = formulas.cross_entropy(z, Y)
    assert ours.shape == (2,)
    layer = keras.losses.CategoricalCrossentropy(from_logits=True, dtype="float64")
    for s in range(2):
        rest = [torch.tensor(part[s]) for part in (X, Y, mask)]
        W = [torch.tensor(w[s]) for w in params]
        same(ours[s], formulas.cross_entropy(z[s], Y[s]), 100)  # not stacked
        same(ours[s], torch_loss(W, *rest, False), 100)
        same(ours[s], tf_loss([w[s] for w in params], X[s], Y[s], mask[s], False), 100)
        same(ours[s], layer(Y[s], z[s]), 100)
        same(hidden[s], torch.relu(rest[0] @ W[0] + W[1]) * rest[2], 100)


def test_log_softmax_of_large_logits():
    """Large logits don't overflow, since the largest is subtracted first."""
    z = np.array([[1000.0, 999.0, -1000.0], [-2000.0, -2000.0, -2001.0]])
    ours = formulas.log_softmax(z)
    same(ours, torch.log_softmax(torch.tensor(z), dim=-1), 1e4)
    same(ours, tf.nn.log_softmax(z), 1e4)
    same(ours, keras.ops.log_softmax(z, axis=-1), 1e4)


@given(matrices())
def test_normalise(a):
    size = 1e4  # a column of nearly equal numbers amplifies rounding
    for eps, shift in itertools.product((1e-5, 1e-3), (0.0, 3.0)):
        ours = formulas.normalise(a + shift, eps)
        if len(a) > 1:
            theirs = torch.nn.functional.batch_norm(
                torch.tensor(a + shift), None, None, training=True, eps=eps
            )
            same(ours, theirs, size)
        mean, variance = tf.nn.moments(tf.constant(a + shift), [0])
        theirs = tf.nn.batch_normalization(a + shift, mean, variance, None, None, eps)
        same(ours, theirs, size)
        mean, variance = keras.ops.moments(a + shift, axes=0)
        theirs = (a + shift - mean) / keras.ops.sqrt(variance + eps)
        np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-5)
