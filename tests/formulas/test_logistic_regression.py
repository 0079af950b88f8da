"""The formulas of foundations/logistic_regression, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same, vectors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional as F

formulas = chapter.load("foundations/logistic_regression")

seeds = st.integers(0, 2**32 - 1)
# Keras stores its weight decay in float32.
strengths = st.floats(0.0, 1.0, width=32)
# Far enough from 0 and 1 for the losses on probabilities, which Keras clips at 1e-7.
probabilities = arrays(np.float64, 6, elements=st.floats(1e-4, 1 - 1e-4))
logits = vectors(6, bound=30.0)
labels = arrays(np.float64, 6, elements=st.sampled_from([0.0, 1.0]))
sigmoid_loss = keras.losses.BinaryCrossentropy(from_logits=True, dtype="float64")
softmax_loss = keras.losses.SparseCategoricalCrossentropy(
    from_logits=True, dtype="float64"
)


@st.composite
def problems(draw, classes=None):
    """A table X (n, d), labels y (n,), weights and bias; for K classes W and b (K,)."""
    n, d = draw(st.integers(1, 10)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(seeds))
    scale = draw(st.floats(0.1, 5.0))
    X = rng.normal(scale=scale, size=(n, d))
    if classes:
        return (
            X,
            rng.integers(classes, size=n),
            rng.normal(size=(d, classes)),
            (rng.normal(size=classes)),
        )
    return X, rng.integers(2, size=n).astype(float), rng.normal(size=d), rng.normal()


def size_of(X, w, b):
    """Size of the logits' terms, with which rounding grows, times that of a feature."""
    return (1 + np.abs(X).max()) * (1 + (np.abs(X) @ np.abs(w) + np.abs(b)).max())


def keras_steps(X, y, w, b, loss, eta=1.0, lam=None, steps=1):
    """Weights and bias after steps of Keras from w (d,) or (d, K) and b."""
    kernel, bias = w.reshape(len(w), -1), np.atleast_1d(b)
    layer = keras.layers.Dense(len(bias), dtype="float64")
    model = keras.Sequential([keras.Input((len(w),), dtype="float64"), layer])
    model.set_weights([kernel, bias])
    optimizer = keras.optimizers.SGD(learning_rate=eta, weight_decay=lam)
    if lam is not None:
        optimizer.exclude_from_weight_decay(var_list=[layer.bias])
    model.compile(optimizer, loss, run_eagerly=True)
    for _ in range(steps):
        model.train_on_batch(X, y.reshape(len(y), -1))
    kernel, bias = model.get_weights()
    return kernel.reshape(w.shape), bias.reshape(np.shape(b))


def torch_loss(X, y, w, b):
    """Cross-entropy of one unit or of K in PyTorch, and its parameters."""
    w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (w, b))
    z, y = torch.tensor(X) @ w + b, torch.tensor(y)
    loss = F.cross_entropy if z.ndim == 2 else F.binary_cross_entropy_with_logits
    return loss(z, y), w, b


def tf_gradients(X, y, w, b):
    """Cross-entropy of one unit or of K in TensorFlow, and its gradients."""
    w, b = tf.Variable(w), tf.Variable(b, dtype=tf.float64)
    with tf.GradientTape() as tape:
        if len(w.shape) == 2:
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, X @ w + b)
        else:
            z = tf.linalg.matvec(X, w) + b
            each = tf.nn.sigmoid_cross_entropy_with_logits(y, z)
        loss = tf.reduce_mean(each)
    return loss, *tape.gradient(loss, (w, b))


@given(probabilities)
def test_log_odds(p):
    ours = formulas.log_odds(p)
    same(ours, torch.logit(torch.tensor(p)), 100)
    same(ours, tf.math.log(p) - tf.math.log1p(-p), 100)
    same(ours, keras.ops.log(p) - keras.ops.log1p(-p), 100)


@given(logits)
def test_sigmoid(z):
    ours = formulas.sigmoid(z)
    same(ours, torch.sigmoid(torch.tensor(z)))
    same(ours, tf.sigmoid(z))
    same(ours, keras.ops.sigmoid(z))


@given(probabilities, labels)
def test_cross_entropy(p, y):
    ours = formulas.cross_entropy(p, y)
    same(ours, F.binary_cross_entropy(torch.tensor(p), torch.tensor(y)), 1e4)
    same(ours, -tf.reduce_mean(tf.math.log(tf.where(y == 1, p, 1 - p))), 1e4)
    same(ours, keras.losses.BinaryCrossentropy(dtype="float64")(y, p), 1e4)


@given(logits, labels)
def test_cross_entropy_with_logits(z, y):
    ours = formulas.cross_entropy_with_logits(z, y)
    theirs = F.binary_cross_entropy_with_logits(torch.tensor(z), torch.tensor(y))
    same(ours, theirs, 30)
    same(ours, tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, z)), 30)
    same(ours, sigmoid_loss(y, z), 30)


def test_large_logits():
    """Where the sigmoid is 0 or 1, the losses on logits are still right."""
    z, y = np.array([1000.0, -1000.0]), np.array([0.0, 1.0])
    assert formulas.cross_entropy_with_logits(z, y) == 1000
    assert formulas.cross_entropy_with_logits(z, 1 - y) == 0
    pair = np.array([[1000.0, 0.0]])
    assert formulas.softmax_cross_entropy(pair, np.array([1])) == 1000
    np.testing.assert_array_equal(formulas.softmax(pair), [[1.0, 0.0]])


@given(problems())
def test_gradient(problem):
    X, y, w, b = problem
    grad_w, grad_b = formulas.gradient(X, y, w, b)
    size = size_of(X, w, b)

    loss, w_torch, b_torch = torch_loss(X, y, w, b)
    loss.backward()
    same(grad_w, w_torch.grad, size)
    same(grad_b, b_torch.grad, size)
    _, w_tf, b_tf = tf_gradients(X, y, w, b)
    same(grad_w, w_tf, size)
    same(grad_b, b_tf, size)
    w_keras, b_keras = keras_steps(X, y, w, b, sigmoid_loss)
    same(w - grad_w, w_keras, size)
    same(b - grad_b, b_keras, size)


@given(problems())
def test_hessian(problem):
    X, y, w, _ = problem
    ours, size = formulas.hessian(X, w), size_of(X, w, 0.0) * (1 + np.abs(X).max())

    def loss(w):
        z = torch.tensor(X) @ w
        return F.binary_cross_entropy_with_logits(z, torch.tensor(y))

    same(ours, torch.autograd.functional.hessian(loss, torch.tensor(w)), size)
    w_tf = tf.Variable(w)
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as inner:
            z = tf.linalg.matvec(X, w_tf)
            value = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, z))
        slope = inner.gradient(value, w_tf)
    same(ours, outer.jacobian(slope, w_tf, experimental_use_pfor=False), size)


@given(problems())
def test_safe_learning_rate(problem):
    """With the curvature at zero weights, the largest there is, the border is sharp."""
    X, _, w, _ = problem
    ours = formulas.safe_learning_rate(X)
    steepest = torch.linalg.matrix_norm(torch.tensor(X), ord=2) ** 2 / (4 * len(X))
    same(ours, 2 / steepest, 100 * ours)
    # Nowhere is the loss more curved than the bound says.
    curvature = np.linalg.eigvalsh(formulas.hessian(X, w))[-1]
    assert curvature <= 2 / ours * (1 + 1e-9)


@given(problems(), strengths)
def test_penalised_gradient(problem, lam):
    X, y, w, b = problem
    grad_w, grad_b = formulas.penalised_gradient(X, y, w, b, lam)
    size = size_of(X, w, b)

    loss, w_torch, b_torch = torch_loss(X, y, w, b)
    (loss + lam / 2 * (w_torch**2).sum()).backward()
    same(grad_w, w_torch.grad, size)
    same(grad_b, b_torch.grad, size)
    _, w_tf, b_tf = tf_gradients(X, y, w, b)
    same(grad_w, w_tf + lam * w, size)
    same(grad_b, b_tf, size)
    w_keras, b_keras = keras_steps(X, y, w, b, sigmoid_loss, lam=lam)
    same(w - grad_w, w_keras, size)
    same(b - grad_b, b_keras, size)


@given(problems(classes=4))
def test_log_sum_exp_and_softmax(problem):
    X, _, W, b = problem
    z, size = X @ W + b, size_of(X, W, b)
    ours = formulas.log_sum_exp(z)
    same(ours, torch.logsumexp(torch.tensor(z), dim=1), size)
    same(ours, tf.reduce_logsumexp(z, axis=1), size)
    same(ours, keras.ops.logsumexp(z, axis=1), size)
    ours = formulas.softmax(z)
    same(ours, torch.softmax(torch.tensor(z), dim=1), size)
    same(ours, tf.nn.softmax(z), size)
    same(ours, keras.ops.softmax(z), size)


@given(problems(classes=4))
def test_softmax_cross_entropy(problem):
    X, y, W, b = problem
    ours, size = formulas.softmax_cross_entropy(X @ W + b, y), size_of(X, W, b)
    same(ours, torch_loss(X, y, W, b)[0], size)
    same(ours, tf_gradients(X, y, W, b)[0], size)
    same(ours, softmax_loss(y, X @ W + b), size)


@given(problems(classes=3))
def test_softmax_gradient(problem):
    X, y, W, b = problem
    grad_W, grad_b = formulas.softmax_gradient(X, y, W, b)
    size = size_of(X, W, b)

    loss, W_torch, b_torch = torch_loss(X, y, W, b)
    loss.backward()
    same(grad_W, W_torch.grad, size)
    same(grad_b, b_torch.grad, size)
    _, W_tf, b_tf = tf_gradients(X, y, W, b)
    same(grad_W, W_tf, size)
    same(grad_b, b_tf, size)
    W_keras, b_keras = keras_steps(X, y, W, b, softmax_loss)
    same(W - grad_W, W_keras, size)
    same(b - grad_b, b_keras, size)


@given(problems(), st.sampled_from([0.125, 0.25]), st.integers(1, 3))
def test_train(problem, eta, steps):
    """The path of gradient descent, with losses taken before each step."""
    X, y, w, b = problem
    ours = formulas.train(
        formulas.cross_entropy_with_logits, formulas.gradient, X, y, w, b, eta, steps
    )
    w_tf, b_tf = w, b
    _, w_torch, b_torch = torch_loss(X, y, w, b)
    optimizer = torch.optim.SGD([w_torch, b_torch], lr=eta)
    their_losses, size = [], size_of(X, w, b)
    for _ in range(steps):
        z = torch.tensor(X) @ w_torch + b_torch
        loss = F.binary_cross_entropy_with_logits(z, torch.tensor(y))
        their_losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        _, slope_w, slope_b = tf_gradients(X, y, w_tf, b_tf)
        w_tf, b_tf = w_tf - eta * slope_w, b_tf - eta * slope_b
        # A step moves the weights by up to eta |x|, and the logits by up to eta |x|^2.
        size = size * (1 + eta * np.abs(X).max() ** 2)
    same(ours[0], w_torch, size)
    same(ours[1], b_torch, size)
    same(ours[2], np.array(their_losses), size)
    for w_theirs, b_theirs in (
        (w_tf, b_tf),
        keras_steps(X, y, w, b, sigmoid_loss, eta, steps=steps),
    ):
        same(ours[0], w_theirs, size)
        same(ours[1], b_theirs, size)
