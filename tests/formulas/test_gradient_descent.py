"""The formulas of foundations/gradient_descent, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import (
    keras_linear,
    matrices,
    numbers,
    regressions,
    same,
    solvable_regressions,
    vectors,
)
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("foundations/gradient_descent")

seeds = st.integers(0, 2**32 - 1)
learning_rates = st.floats(1e-3, 0.5).map(lambda eta: float(np.float32(eta)))


@st.composite
def hessians(draw):
    """A symmetric positive definite matrix with eigenvalues from 0.1 to 10."""
    d = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(seeds))
    Q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    H = Q * rng.uniform(0.1, 10, size=d) @ Q.T
    return (H + H.T) / 2


@given(vectors(4, bound=10), vectors(4, bound=10), learning_rates, st.integers(0, 8))
def test_gradient_descent(a, theta_0, eta, steps):
    """The path on sum(a * theta**2 + theta) equals that of three optimisers."""

    def gradient(theta):
        return 2 * a * theta + 1

    path = formulas.gradient_descent(gradient, theta_0, eta, steps)
    assert path.shape == (steps + 1, 4)
    size = 1 + np.abs(path).max() * (1 + 2 * eta * np.abs(a).max())

    theta_torch = torch.tensor(theta_0, requires_grad=True)
    optimizer = torch.optim.SGD([theta_torch], lr=eta)
    theta_tf = tf.Variable(theta_0)
    theta_keras = keras.Variable(theta_0, dtype="float64")
    keras_optimizer = keras.optimizers.SGD(learning_rate=eta)
    for expected in path:
        same(expected, theta_torch, size)
        same(expected, theta_tf, size)
        same(expected, theta_keras, size)
        optimizer.zero_grad()
        (torch.tensor(a) * theta_torch**2 + theta_torch).sum().backward()
        optimizer.step()
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(a * theta_tf**2 + theta_tf)
        theta_tf.assign_sub(eta * tape.gradient(loss, theta_tf))
        keras_optimizer.apply([2 * a * theta_keras + 1], [theta_keras])


@given(regressions())
def test_loss(problem):
    X, y, w, _ = problem
    ours = formulas.loss(X, y, w)
    size = np.mean((np.abs(X) @ np.abs(w) + np.abs(y)) ** 2)

    theirs = torch.nn.functional.mse_loss(
        torch.tensor(X) @ torch.tensor(w), torch.tensor(y)
    )
    same(ours, theirs, size)
    same(ours, tf.reduce_mean(tf.square(tf.linalg.matvec(X, w) - y)), size)
    y_hat = keras.ops.matmul(X, w)
    same(ours, keras.losses.MeanSquaredError(dtype="float64")(y, y_hat), size)


@given(regressions())
def test_loss_gradient(problem):
    X, y, w, _ = problem
    ours = formulas.loss_gradient(X, y, w)
    size = 2 / len(y) * np.abs(X).T @ (np.abs(X) @ np.abs(w) + np.abs(y))

    w_torch = torch.tensor(w, requires_grad=True)
    torch.nn.functional.mse_loss(torch.tensor(X) @ w_torch, torch.tensor(y)).backward()
    same(ours, w_torch.grad, size)

    w_tf = tf.Variable(w)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.linalg.matvec(X, w_tf) - y))
    same(ours, tape.gradient(loss, w_tf), size)

    model = keras_linear(1.0, w)
    model.train_on_batch(X, y[:, None])
    same(w - ours, model.get_weights()[0][:, 0], size + np.abs(w))


@given(matrices())
def test_hessian(X):
    ours, (n, d) = formulas.hessian(X), X.shape
    size = 2 / n * np.abs(X).T @ np.abs(X)

    theirs = torch.func.hessian(lambda w: torch.mean((torch.tensor(X) @ w) ** 2))
    same(ours, theirs(torch.zeros(d, dtype=torch.float64)), size)

    w = tf.Variable(tf.zeros(d, tf.float64))
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_mean(tf.linalg.matvec(X, w) ** 2)
        gradient = inner.gradient(loss, w)
    same(ours, outer.jacobian(gradient, w, experimental_use_pfor=False), size)

    # Keras differentiates only through its backend; on parabolas differences are exact.
    def loss_keras(w):
        return float(keras.ops.mean(keras.ops.matmul(X, w) ** 2))

    basis = np.eye(d)
    theirs = [
        [loss_keras(e + f) - loss_keras(e) - loss_keras(f) for f in basis]
        for e in basis
    ]
    same(ours, np.array(theirs), 4 * np.abs(X).max() ** 2)


@given(hessians())
def test_largest_learning_rate(H):
    ours = formulas.largest_learning_rate(H)
    same(ours, 2 / torch.linalg.eigvalsh(torch.tensor(H)).max(), 10 * ours)
    same(ours, 2 / tf.reduce_max(tf.linalg.eigvalsh(H)), 10 * ours)
    same(ours, 2 / keras.ops.max(keras.ops.eigh(H)[0]), 10 * ours)


@given(hessians(), st.floats(0.0, 1.0))
def test_contraction(H, eta):
    """The contraction factor is the spectral norm of a step."""
    ours = formulas.contraction(H, eta)
    step = np.eye(len(H)) - eta * H
    same(ours, torch.linalg.matrix_norm(torch.tensor(step), ord=2), 100)
    same(ours, tf.norm(step, ord=2, axis=(0, 1)), 100)
    same(ours, keras.ops.norm(step, ord=2, axis=(0, 1)), 100)


@given(vectors(5, bound=10), st.floats(0.0, 3.0), st.floats(0.1, 10.0))
def test_guaranteed_decrease(theta, eta, curvature):
    """On a bowl with the same curvature everywhere, the guarantee is the exact drop."""

    def after(theta, gradient):
        return curvature / 2 * ((theta - eta * gradient) ** 2)

    ours = formulas.guaranteed_decrease(curvature * theta, eta, curvature)
    size = (1 + (1 + eta * curvature) ** 2) * curvature * np.sum(theta**2)

    theta_torch = torch.tensor(theta, requires_grad=True)
    before = (curvature / 2 * theta_torch**2).sum()
    before.backward()
    same(ours, before - after(theta_torch, theta_torch.grad).sum(), size)

    theta_tf = tf.Variable(theta)
    with tf.GradientTape() as tape:
        before = tf.reduce_sum(curvature / 2 * theta_tf**2)
    gradient = tape.gradient(before, theta_tf)
    same(ours, before - tf.reduce_sum(after(theta_tf, gradient)), size)

    theta_keras = keras.Variable(theta, dtype="float64")
    before = keras.ops.sum(curvature / 2 * theta_keras**2)
    same(
        ours, before - keras.ops.sum(after(theta_keras, curvature * theta_keras)), size
    )


@given(vectors(5, bound=10), st.floats(0.0, 2.0))
def test_guaranteed_decrease_is_kept(theta, eta):
    """log cosh curves by at most 1, so every step with eta < 2 drops at least that."""
    gradient = np.tanh(theta)
    promised = formulas.guaranteed_decrease(gradient, eta, 1.0)
    drop = np.sum(np.log(np.cosh(theta)) - np.log(np.cosh(theta - eta * gradient)))
    assert drop >= promised - 1e-12 * (1 + np.abs(theta).sum())


# Eigenvalues are good to rounding of the largest one, at most a hundred times the
# smallest: hence the size of 1e4 for a quotient of the two.
@given(hessians())
def test_condition_number(H):
    ours = formulas.condition_number(H)
    same(ours, torch.linalg.cond(torch.tensor(H)), 1e4)
    eigenvalues = tf.linalg.eigvalsh(H)
    same(ours, tf.reduce_max(eigenvalues) / tf.reduce_min(eigenvalues), 1e4)
    eigenvalues = keras.ops.eigh(H)[0]
    same(ours, keras.ops.max(eigenvalues) / keras.ops.min(eigenvalues), 1e4)


@given(hessians())
def test_best_learning_rate(H):
    """The middle of the two extreme rates, and (kappa - 1) / (kappa + 1) at it."""
    ours = formulas.best_learning_rate(H)
    eigenvalues = torch.linalg.eigvalsh(torch.tensor(H))
    same(ours, 1 / torch.stack([eigenvalues.min(), eigenvalues.max()]).mean(), 100)
    eigenvalues = tf.linalg.eigvalsh(H)
    middle = (tf.reduce_min(eigenvalues) + tf.reduce_max(eigenvalues)) / 2
    same(ours, 1 / middle, 100)
    kappa = keras.ops.max(keras.ops.eigh(H)[0]) / keras.ops.min(keras.ops.eigh(H)[0])
    factor = formulas.contraction(H, ours)
    same(factor, (kappa - 1) / (kappa + 1), 1e4)


@given(st.integers(1, 60), st.integers(1, 70), seeds)
def test_minibatches(n, batch_size, seed):
    """Every sample once, full batches but the last; the sizes that loaders give."""
    batches = formulas.minibatches(n, batch_size, np.random.default_rng(seed))
    again = formulas.minibatches(n, batch_size, np.random.default_rng(seed))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))

    sizes = [len(batch) for batch in batches]
    loader = torch.utils.data.DataLoader(range(n), batch_size)
    assert sizes == [len(batch) for batch in loader]
    assert sizes == [len(batch) for batch in tf.data.Dataset.range(n).batch(batch_size)]


def test_minibatches_are_uniform():
    """Over many epochs every sample stands in the first batch equally often."""
    rng = np.random.default_rng(0)
    firsts = [formulas.minibatches(10, 3, rng)[0] for _ in range(20_000)]
    share = np.bincount(np.concatenate(firsts), minlength=10) / 20_000
    # A share of 0.3 has a standard deviation of 0.0032 here; five of them.
    np.testing.assert_allclose(share, 0.3, atol=0.0162)


@given(solvable_regressions(), learning_rates, st.integers(1, 6), seeds)
def test_sgd(problem, eta, batch_size, seed):
    X, y = problem
    eta = float(np.float32(0.02 * eta))
    w_0 = np.ones(X.shape[1])
    rng = np.random.default_rng(seed)
    batches = formulas.minibatches(len(y), batch_size, rng)
    path = formulas.sgd(X, y, w_0, eta, batches)
    assert path.shape == (len(batches) + 1, X.shape[1])
    size = 1 + np.abs(path).max() + np.abs(X).max() * np.abs(y).max()

    w_torch = torch.tensor(w_0, requires_grad=True)
    optimizer = torch.optim.SGD([w_torch], lr=eta)
    w_tf = tf.Variable(w_0)
    model = keras_linear(eta, w_0)
    same(path[0], w_0)
    for batch, expected in zip(batches, path[1:], strict=True):
        optimizer.zero_grad()
        y_hat = torch.tensor(X[batch]) @ w_torch
        torch.nn.functional.mse_loss(y_hat, torch.tensor(y[batch])).backward()
        optimizer.step()
        same(expected, w_torch, size)
        with tf.GradientTape() as tape:
            errors = tf.linalg.matvec(X[batch], w_tf) - y[batch]
            loss = tf.reduce_mean(tf.square(errors))
        w_tf.assign_sub(eta * tape.gradient(loss, w_tf))
        same(expected, w_tf, size)
        model.train_on_batch(X[batch], y[batch, None])
        same(expected, model.get_weights()[0][:, 0], size)


@given(st.integers(2, 6), st.integers(1, 3), seeds, st.data())
def test_gradient_noise(n, d, seed, data):
    """The spread over *all* batches of a size, counted out, not estimated."""
    from itertools import combinations

    size = data.draw(st.integers(1, n))
    gradients = np.random.default_rng(seed).normal(size=(n, d))
    ours = formulas.gradient_noise(gradients, size)
    every = np.array(list(combinations(range(n), size)))  # (batches, size)

    means = torch.tensor(gradients)[torch.tensor(every)].mean(dim=1)
    # Where the batch is everything, sqrt turns a variance of 1e-32 into 1e-16.
    same(ours, means.std(dim=0, correction=0), 100)
    same(
        ours, tf.math.reduce_std(tf.reduce_mean(tf.gather(gradients, every), 1), 0), 100
    )
    means = keras.ops.mean(keras.ops.take(gradients, every, axis=0), axis=1)
    same(ours, keras.ops.std(means, axis=0), 100)
    # The mean over all batches is the full gradient: the estimate is unbiased.
    same(gradients.mean(axis=0), keras.ops.mean(means, axis=0), 10)


@given(numbers(), numbers())
def test_against_the_gradient_is_down(w, target):
    """One small step on (w - target)**2: down against the gradient, never up."""
    path = formulas.gradient_descent(lambda w: 2 * (w - target), w, 0.1, 1)
    assert abs(path[1] - target) <= abs(path[0] - target)
