"""The formulas of foundations/linear_regression, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import keras_linear, regressions, same, solvable_regressions
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("foundations/linear_regression")


def prediction_size(X, w, b):
    """Size of the terms of a prediction: (n,)."""
    return np.abs(X) @ np.abs(w) + abs(b)


def gradient_size(X, y, w, b):
    """Size of the terms of the gradient with respect to the weights: (d,)."""
    return 2 / len(y) * np.abs(X).T @ (prediction_size(X, w, b) + np.abs(y))


@given(regressions())
def test_predict(problem):
    X, _, w, b = problem
    ours, size = formulas.predict(X, w, b), prediction_size(X, w, b)

    weight = torch.tensor(w)[None, :]  # (out, in)
    theirs = torch.nn.functional.linear(
        torch.tensor(X), weight, torch.tensor([b], dtype=torch.float64)
    )
    same(ours, theirs[:, 0], size)
    same(ours, tf.linalg.matvec(X, w) + tf.constant(b, tf.float64), size)
    dense = keras.layers.Dense(1, dtype="float64")
    dense.build(X.shape)
    dense.set_weights([w[:, None], np.array([b])])  # (in, out)
    same(ours, dense(X)[:, 0], size)


@given(regressions())
def test_mse(problem):
    X, y, w, b = problem
    y_hat = X @ w + b
    ours, size = formulas.mse(y_hat, y), np.mean((np.abs(y_hat) + np.abs(y)) ** 2)

    same(ours, torch.nn.functional.mse_loss(torch.tensor(y_hat), torch.tensor(y)), size)
    same(ours, tf.reduce_mean(tf.math.squared_difference(y_hat, y)), size)
    same(ours, keras.losses.MeanSquaredError(dtype="float64")(y, y_hat), size)


@given(regressions())
def test_mse_gradient(problem):
    X, y, w, b = problem
    grad_w, grad_b = formulas.mse_gradient(X, y, w, b)
    size_w = gradient_size(X, y, w, b)
    size_b = 2 * np.mean(prediction_size(X, w, b) + np.abs(y))

    w_torch = torch.tensor(w, requires_grad=True)
    b_torch = torch.tensor(b, dtype=torch.float64, requires_grad=True)
    y_hat = torch.tensor(X) @ w_torch + b_torch
    torch.nn.functional.mse_loss(y_hat, torch.tensor(y)).backward()
    same(grad_w, w_torch.grad, size_w)
    same(grad_b, b_torch.grad, size_b)

    w_tf, b_tf = tf.Variable(w), tf.Variable(b, dtype=tf.float64)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.linalg.matvec(X, w_tf) + b_tf - y))
    theirs = tape.gradient(loss, [w_tf, b_tf])
    same(grad_w, theirs[0], size_w)
    same(grad_b, theirs[1], size_b)

    model = keras_linear(1.0, w, b)
    model.train_on_batch(X, y[:, None])
    kernel, bias = model.get_weights()
    same(w - grad_w, kernel[:, 0], size_w + np.abs(w))
    same(b - grad_b, bias[0], size_b + abs(b))


# The condition number of the normal equations is under 10^4, which costs as many
# digits: 1e-12 becomes 1e-8. Rounding alone stays a hundred times below that.
@given(solvable_regressions())
def test_least_squares(problem):
    X, y = problem
    w, b = formulas.least_squares(X, y)
    ours, size = np.append(w, b), 1 + np.abs(w).max() + abs(b)
    A = np.column_stack([X, np.ones(len(X))])

    theirs = torch.linalg.lstsq(torch.tensor(A), torch.tensor(y)[:, None]).solution
    same(ours, theirs[:, 0], size, tolerance=1e-8)
    # fast=False: the orthogonal decomposition, a way other than our normal equations.
    theirs = tf.linalg.lstsq(A, y[:, None], fast=False)
    same(ours, theirs[:, 0], size, tolerance=1e-8)
    same(ours, keras.ops.lstsq(A, y), size, tolerance=1e-8)


@given(solvable_regressions(), st.floats(0.001, 0.01), st.integers(1, 8))
def test_train(problem, eta, steps):
    X, y = problem
    w, b, losses = formulas.train(X, y, np.zeros(X.shape[1]), 0.0, eta, steps)
    size = 1 + np.abs(w).max() + np.abs(y).max()

    layer = torch.nn.Linear(X.shape[1], 1, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(layer.parameters(), lr=eta)
    their_losses = []
    for _ in range(steps):
        loss = torch.nn.functional.mse_loss(
            layer(torch.tensor(X))[:, 0], torch.tensor(y)
        )
        their_losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    same(losses, np.array(their_losses), size**2)
    same(w, layer.weight[0], size)
    same(b, layer.bias[0], size)

    w_tf = tf.Variable(tf.zeros(X.shape[1], tf.float64))
    b_tf = tf.Variable(0.0, dtype=tf.float64)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.linalg.matvec(X, w_tf) + b_tf - y))
        for variable, gradient in zip(
            (w_tf, b_tf), tape.gradient(loss, (w_tf, b_tf)), strict=True
        ):
            variable.assign_sub(eta * gradient)
    same(w, w_tf, size)
    same(b, b_tf, size)

    # Keras stores the learning rate in float32: give our function the same number.
    eta = float(np.float32(eta))
    w, b, losses = formulas.train(X, y, np.zeros(X.shape[1]), 0.0, eta, steps)
    model = keras_linear(eta, np.zeros(X.shape[1]), 0.0)
    for _ in range(steps):
        model.train_on_batch(X, y[:, None])
    kernel, bias = model.get_weights()
    same(w, kernel[:, 0], size)
    same(b, bias[0], size)
