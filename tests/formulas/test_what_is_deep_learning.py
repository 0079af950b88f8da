"""The formulas of foundations/what_is_deep_learning, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import numbers, same
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("foundations/what_is_deep_learning")

sizes = st.integers(1, 5)
# Exact for polynomials up to degree 5: their mean over [0, 1] is a sum of three terms.
nodes, shares = np.polynomial.legendre.leggauss(3)
NODES, SHARES = (nodes + 1) / 2, shares / 2


@st.composite
def networks(draw):
    """Inputs (n, d), targets (n, k), and the parameters W1, b1, W2, b2 of a network."""
    n, d, m, k = (draw(sizes) for _ in range(4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = [(n, d), (n, k), (d, m), (m,), (m, k), (k,)]
    X, y, *parameters = (3 * rng.normal(size=shape) for shape in shapes)
    return X, y, parameters


def torch_network(parameters, bend):
    """Two linear layers with a bend between them, in float64."""
    (d, m), (_, k) = parameters[0].shape, parameters[2].shape
    model = torch.nn.Sequential(torch.nn.Linear(d, m), bend, torch.nn.Linear(m, k))
    model.double()
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), parameters, strict=True):
            parameter.copy_(torch.tensor(value.T))
    return model


def keras_network(parameters, bend, eta=1.0):
    """The same in Keras, ready to train; one step with eta = 1 shows the gradient."""
    (d, m), (_, k) = parameters[0].shape, parameters[2].shape
    model = keras.Sequential(
        [
            keras.Input((d,), dtype="float64"),
            keras.layers.Dense(m, activation=bend, dtype="float64"),
            keras.layers.Dense(k, dtype="float64"),
        ]
    )
    model.set_weights(parameters)
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=eta),
        loss=keras.losses.MeanSquaredError(dtype="float64"),
        run_eagerly=True,  # compiling takes longer than one small step
    )
    return model


def output_size(X, parameters):
    """Size of the terms of a network's outputs: (n, k)."""
    W1, b1, W2, b2 = map(np.abs, parameters)
    return (np.abs(X) @ W1 + b1) @ W2 + b2


@given(networks())
def test_layer(problem):
    X, _, (W, b, *_) = problem
    ours, size = formulas.layer(X, W, b), np.abs(X) @ np.abs(W) + np.abs(b)

    theirs = torch.nn.functional.linear(*map(torch.tensor, (X, W.T, b)))
    same(ours, torch.relu(theirs), size)
    same(ours, tf.nn.relu(X @ W + b), size)
    dense = keras.layers.Dense(len(b), activation="relu", dtype="float64")
    dense.build(X.shape)
    dense.set_weights([W, b])
    same(ours, dense(X), size)


@given(networks())
def test_network(problem):
    X, _, parameters = problem
    ours, size = formulas.network(X, *parameters), output_size(X, parameters)

    same(ours, torch_network(parameters, torch.nn.ReLU())(torch.tensor(X)), size)
    W1, b1, W2, b2 = parameters
    same(ours, tf.nn.relu(tf.constant(X) @ W1 + b1) @ W2 + b2, size)
    same(ours, keras_network(parameters, "relu")(X), size)


@given(networks())
def test_collapse(problem):
    X, _, parameters = problem
    W, b = formulas.collapse(*parameters)
    ours, size = X @ W + b, output_size(X, parameters)

    same(ours, torch_network(parameters, torch.nn.Identity())(torch.tensor(X)), size)
    W1, b1, W2, b2 = parameters
    same(ours, (tf.constant(X) @ W1 + b1) @ W2 + b2, size)
    same(ours, keras_network(parameters, "linear")(X), size)


@given(numbers(), numbers())
def test_line(w, b):
    """The integrals are sums over three nodes here, which is exact."""
    ours, gradient = formulas.line_loss(w, b), formulas.line_gradient(w, b)
    size = (np.abs(w) + np.abs(b) + 1) ** 2

    line = torch.tensor([w, b], dtype=torch.float64, requires_grad=True)
    x = torch.tensor(NODES)
    loss = torch.sum(torch.tensor(SHARES) * (line[0] * x + line[1] - x**2) ** 2)
    loss.backward()
    same(np.float64(ours), loss, size)
    same(np.array(gradient), line.grad, size)

    line = tf.Variable([w, b], dtype=tf.float64)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(SHARES * (line[0] * NODES + line[1] - NODES**2) ** 2)
    same(np.float64(ours), loss, size)
    same(np.array(gradient), tape.gradient(loss, line), size)

    def loss_keras(w, b):
        errors = keras.ops.convert_to_tensor(w * NODES + b - NODES**2)
        return float(keras.ops.sum(SHARES * errors**2))

    # Keras has no gradients of its own; on parabolas differences are exact.
    same(np.float64(ours), np.float64(loss_keras(w, b)), size)
    slopes = [
        (loss_keras(w + dw, b + db) - loss_keras(w - dw, b - db)) / 2
        for dw, db in ((1, 0), (0, 1))
    ]
    same(np.array(gradient), np.array(slopes), 10 * size)


def test_best_line():
    """The derivatives vanish at x - 1/6, where the loss is 1/180."""
    np.testing.assert_allclose(formulas.line_gradient(1, -1 / 6), 0, atol=1e-15)
    np.testing.assert_allclose(formulas.line_loss(1, -1 / 6), 1 / 180, rtol=1e-13)


@given(networks())
def test_kinks(problem):
    """Between two neighbouring kinks the slope is that which autodiff gives."""
    _, _, (W1, b1, W2, b2) = problem
    W1, W2, b2 = W1[:1], W2[:, :1], b2[:1]
    places, jumps = formulas.kinks(W1, b1, W2)
    order = np.argsort(places)
    edges = places[order]
    middles = np.concatenate(
        [[-1 + edges[0]], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 1]]
    )
    middles = middles[:, None]
    ours = np.cumsum(jumps[order])
    size = 10 * np.sum(np.abs(W1) * np.abs(W2.T))

    x = torch.tensor(middles, requires_grad=True)
    y = torch_network([W1, b1, W2, b2], torch.nn.ReLU())(x)
    slopes = torch.autograd.grad(y.sum(), x)[0][:, 0]
    same(ours, slopes[1:] - slopes[0], size)

    x = tf.constant(middles)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.relu(x @ W1 + b1) @ W2 + b2
    slopes = tape.gradient(y, x)[:, 0]
    same(ours, slopes[1:] - slopes[0], size)

    # In Keras: where the unit is on, the prediction has its slope.
    on = keras.ops.cast(keras.ops.matmul(middles, W1) + b1 > 0, "float64")
    slopes = keras.ops.matmul(on, (W1.T * W2))[:, 0]
    same(ours, slopes[1:] - slopes[0], size)


@given(st.integers(1, 12))
def test_pieces(k):
    """The network by hand has the smallest loss, found piece by piece, exactly."""
    parameters = formulas.square_by_hand(k)
    x = ((np.arange(k)[:, None] + NODES) / k).reshape(-1, 1)
    share = np.tile(SHARES / k, k)[:, None]
    ours = np.float64(formulas.pieces_loss(k))

    y = torch_network(parameters, torch.nn.ReLU())(torch.tensor(x))
    same(ours, torch.sum(torch.tensor(share) * (y - torch.tensor(x) ** 2) ** 2), 1e-2)
    W1, b1, W2, b2 = parameters
    y = tf.nn.relu(tf.constant(x) @ W1 + b1) @ W2 + b2
    same(ours, tf.reduce_sum(share * (y - x**2) ** 2), 1e-2)
    y = keras_network(parameters, "relu")(x)
    same(ours, keras.ops.sum(share * (y - x**2) ** 2), 1e-2)

    # It is the least: each piece is the best line there, by least squares.
    for piece, said in zip(
        x.reshape(k, 3), formulas.network(x, *parameters).reshape(k, 3), strict=True
    ):
        # Three points with shares 5 : 8 : 5.
        line = np.polyfit(piece, piece**2, 1, w=np.sqrt(SHARES))
        np.testing.assert_allclose(said, np.polyval(line, piece), atol=1e-10)


@given(networks())
def test_gradients(problem):
    X, y, parameters = problem
    ours = formulas.gradients(X, y, *parameters)
    W1, b1, W2, b2 = map(np.abs, parameters)
    error = 2 / y.size * (output_size(X, parameters) + np.abs(y))
    back = error @ W2.T
    size = [
        np.abs(X).T @ back,
        back.sum(axis=0),
        (np.abs(X) @ W1 + b1).T @ error,
        error.sum(axis=0),
    ]

    model = torch_network(parameters, torch.nn.ReLU())
    torch.nn.functional.mse_loss(model(torch.tensor(X)), torch.tensor(y)).backward()
    for mine, theirs, scale in zip(ours, model.parameters(), size, strict=True):
        same(mine.T, theirs.grad, scale.T)

    variables = [tf.Variable(value) for value in parameters]
    with tf.GradientTape() as tape:
        hidden = tf.nn.relu(X @ variables[0] + variables[1])
        loss = tf.reduce_mean(tf.square(hidden @ variables[2] + variables[3] - y))
    for mine, theirs, scale in zip(
        ours, tape.gradient(loss, variables), size, strict=True
    ):
        same(mine, theirs, scale)

    model = keras_network(parameters, "relu")
    model.train_on_batch(X, y)
    for before, mine, after, scale in zip(
        parameters, ours, model.get_weights(), size, strict=True
    ):
        same(before - mine, after, scale + np.abs(before))


@given(networks(), st.integers(1, 6), st.integers(1, 2))
def test_train(problem, batch, epochs):
    X, y, parameters = problem
    eta = 2.0**-12  # exact in float32, and small enough for any of these networks
    ours = formulas.train(X, y, parameters, eta, batch, epochs)
    assert len(ours) == 4

    model = torch_network(parameters, torch.nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=eta)
    variables = [tf.Variable(value) for value in parameters]
    keras_model = keras_network(parameters, "relu", eta)
    for _ in range(epochs):
        for x, target in zip(
            torch.tensor(X).split(batch), torch.tensor(y).split(batch), strict=True
        ):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), target).backward()
            optimizer.step()
            with tf.GradientTape() as tape:
                hidden = tf.nn.relu(x.numpy() @ variables[0] + variables[1])
                y_hat = hidden @ variables[2] + variables[3]
                loss = tf.reduce_mean(tf.square(y_hat - target.numpy()))
            for variable, gradient in zip(
                variables, tape.gradient(loss, variables), strict=True
            ):
                variable.assign_sub(eta * gradient)
            keras_model.train_on_batch(x.numpy(), target.numpy())
    size = 10 * sum(np.abs(value).sum() for value in parameters) ** 2
    for mine, theirs in zip(ours, model.parameters(), strict=True):
        same(mine.T, theirs, size)
    for mine, *theirs in zip(ours, variables, keras_model.get_weights(), strict=True):
        same(mine, theirs[0], size)
        same(mine, theirs[1], size)
