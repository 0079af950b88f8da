"""The formulas of foundations/multilayer_perceptron, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("foundations/multilayer_perceptron")

seeds = st.integers(0, 2**32 - 1)


@st.composite
def networks(draw):
    """A batch X (n, d), parameters of 1 to 4 layers, and classes (n,)."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=5))
    n, rng = draw(st.integers(1, 6)), np.random.default_rng(draw(seeds))
    params = [
        (rng.normal(size=shape), rng.normal(size=shape[1]))
        for shape in zip(sizes, sizes[1:], strict=False)
    ]
    X = rng.normal(scale=draw(st.sampled_from([0.5, 3])), size=(n, sizes[0]))
    return X, params, rng.integers(sizes[-1], size=n)


def in_torch(params):
    """The parameters as tensors that gradients are computed for."""
    return [[torch.tensor(a, requires_grad=True) for a in layer] for layer in params]


def in_tensorflow(params):
    """The parameters as variables."""
    return [[tf.Variable(a) for a in layer] for layer in params]


def run(X, params, phi):
    """Output of an MLP, in whichever framework X and params are."""
    *hidden, (W, b) = params
    for W_hidden, b_hidden in hidden:
        X = phi(X @ W_hidden + b_hidden)
    return X @ W + b


def in_keras(params, activation):
    """The MLP as a Keras model in float64, ready to show its gradients."""
    model = keras.Sequential([keras.Input((len(params[0][0]),), dtype="float64")])
    for _, b in params[:-1]:
        model.add(keras.layers.Dense(len(b), activation=activation, dtype="float64"))
    model.add(keras.layers.Dense(len(params[-1][1]), dtype="float64"))
    model.set_weights([array for layer in params for array in layer])
    return model


def size_of(X, params):
    """How large the terms of the output can get: an upper bound."""
    size = 1 + np.abs(X).max()
    for W, b in params:
        size = 1 + np.abs(W).sum(axis=0).max() * size + np.abs(b).max()
    return size


@given(networks())
def test_forward(problem):
    X, params, _ = problem
    Z, A = formulas.forward(X, params, np.tanh)
    assert len(Z) == len(A) == len(params)
    size = size_of(X, params)

    same(Z[-1], run(torch.tensor(X), in_torch(params), torch.tanh), size)
    same(Z[-1], run(tf.constant(X), in_tensorflow(params), tf.tanh), size)
    same(Z[-1], in_keras(params, "tanh")(X), size)
    for (W, b), a, z, a_next in zip(params, A, Z, [*A[1:], None], strict=True):
        same(z, tf.constant(a) @ W + b, size)
        if a_next is not None:
            same(a_next, torch.tanh(torch.tensor(z)))


@given(networks())
def test_collapse(problem):
    X, params, _ = problem
    W, b = formulas.collapse(params)
    size = size_of(X, params)
    same(X @ W + b, run(torch.tensor(X), in_torch(params), lambda z: z), size)
    same(X @ W + b, run(tf.constant(X), in_tensorflow(params), tf.identity), size)
    same(X @ W + b, in_keras(params, "linear")(X), size)


@given(st.integers(2, 8), seeds)
def test_hinge_network(m, seed):
    """The network joins the points by straight lines, and is flat to the left."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.uniform(0.2, 2, size=m)) - 3
    y = rng.normal(size=m)
    params = formulas.hinge_network(x, y)
    t = np.linspace(x[0] - 1, x[-1], 50)[:, None]
    joined = np.interp(t, x, y)
    size = 100 * (1 + np.abs(np.diff(y)).max())

    same(joined, run(torch.tensor(t), in_torch(params), torch.relu), size)
    same(joined, run(tf.constant(t), in_tensorflow(params), tf.nn.relu), size)
    same(joined, in_keras(params, "relu")(t), size)
    same(joined, formulas.forward(t, params, formulas.relu)[0][-1], size)


# Each value is computed on its own, so a dense grid says more here than
# random arrays would. It misses 0, where not all frameworks take the same slope.
GRID = np.concatenate([np.linspace(-40, 40, 200), np.linspace(-4, 4, 200)])
F = torch.nn.functional


def check_activation(phi, d_phi, in_torch, in_tf, in_keras, loose=1):
    """Values and derivatives of an activation on the grid.

    TensorFlow's results (which Keras may share) may be off ``loose`` times as far.
    """
    values, slopes = phi(GRID), d_phi(GRID)
    size = 10 * (1 + np.abs(GRID))

    z = torch.tensor(GRID, requires_grad=True)
    a = in_torch(z)
    a.sum().backward()
    same(values, a, size)
    same(slopes, z.grad, size)

    z = tf.Variable(GRID)
    with tf.GradientTape() as tape:
        a = in_tf(z)
    same(values, a, loose * size)
    same(slopes, tape.gradient(a, z), loose * size)

    # The points are the biases of a layer; a step of training subtracts the slopes.
    layer = keras.layers.Dense(
        len(GRID), activation=in_keras, kernel_initializer="zeros", dtype="float64"
    )
    model = keras.Sequential([keras.Input((1,), dtype="float64"), layer])
    layer.set_weights([np.zeros((1, len(GRID))), GRID])
    model.compile(
        keras.optimizers.SGD(1.0),
        lambda y, a: keras.ops.sum(a),
        run_eagerly=True,
    )
    same(values, model(np.ones((1, 1)))[0], loose * size)
    model.train_on_batch(np.ones((1, 1)), np.zeros((1, len(GRID))))
    same(GRID - slopes, layer.get_weights()[1], loose * size)


def test_sigmoid_and_d_sigmoid():
    functions = formulas.sigmoid, formulas.d_sigmoid
    check_activation(*functions, torch.sigmoid, tf.sigmoid, keras.ops.sigmoid)
    assert formulas.sigmoid(np.array(-700.0)) > 0
    assert formulas.sigmoid(np.array(-1e4)) == 0
    assert formulas.sigmoid(np.array(1e4)) == 1


def test_d_tanh():
    check_activation(np.tanh, formulas.d_tanh, torch.tanh, tf.tanh, keras.ops.tanh)


def test_softplus():
    # PyTorch returns z itself above a threshold, by default 20.
    check_activation(
        formulas.softplus,
        formulas.sigmoid,
        lambda z: F.softplus(z, threshold=1000),
        tf.nn.softplus,
        keras.ops.softplus,
    )


def test_relu_and_d_relu():
    functions = formulas.relu, formulas.d_relu
    check_activation(*functions, torch.relu, tf.nn.relu, keras.ops.relu)
    z = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    torch.relu(z).backward()
    same(formulas.d_relu(np.zeros(1)), z.grad)
    z = tf.Variable(np.zeros(1))
    with tf.GradientTape() as tape:
        a = tf.nn.relu(z)
    same(formulas.d_relu(np.zeros(1)), tape.gradient(a, z))


def test_leaky_relu_and_d_leaky_relu():
    for slope in (0.125, 0.5):  # TensorFlow keeps the slope in float32
        check_activation(
            lambda z, slope=slope: formulas.leaky_relu(z, slope),
            lambda z, slope=slope: formulas.d_leaky_relu(z, slope),
            lambda z, slope=slope: F.leaky_relu(z, slope),
            lambda z, slope=slope: tf.nn.leaky_relu(z, slope),
            lambda z, slope=slope: keras.ops.leaky_relu(z, slope),
        )


def test_elu_and_d_elu():
    functions = formulas.elu, formulas.d_elu
    check_activation(*functions, F.elu, tf.nn.elu, keras.ops.elu)


def test_selu_and_d_selu():
    functions = formulas.selu, formulas.d_selu
    check_activation(*functions, F.selu, tf.nn.selu, keras.ops.selu)


def test_silu_and_d_silu():
    functions = formulas.silu, formulas.d_silu
    check_activation(*functions, F.silu, tf.nn.silu, keras.ops.silu)


def test_gelu_and_d_gelu_bell_area():
    check_activation(
        formulas.gelu,
        formulas.d_gelu,
        F.gelu,
        tf.nn.gelu,
        lambda z: keras.ops.gelu(z, approximate=False),
        loose=1e4,  # its constants are rounded to float32
    )
    same(formulas.bell_area(GRID), torch.special.ndtr(torch.tensor(GRID)))
    normal = torch.distributions.Normal(0.0, 1.0)
    same(formulas.bell(GRID), normal.log_prob(torch.tensor(GRID)).exp())


def test_gelu_tanh_and_d_gelu_tanh():
    check_activation(
        formulas.gelu_tanh,
        formulas.d_gelu_tanh,
        lambda z: F.gelu(z, approximate="tanh"),
        lambda z: tf.nn.gelu(z, approximate=True),
        lambda z: keras.ops.gelu(z, approximate=True),
        loose=1e4,
    )


@given(st.integers(1, 6), st.integers(2, 5), st.sampled_from([1.0, 30.0, 1e4]), seeds)
def test_softmax_and_cross_entropy(n, K, scale, seed):
    """Values and the gradient, for logits that a literal softmax would overflow on."""
    rng = np.random.default_rng(seed)
    Z, y = rng.normal(scale=scale, size=(n, K)), rng.integers(K, size=n)
    p, loss = formulas.softmax(Z), formulas.cross_entropy(Z, y)
    gradient = formulas.cross_entropy_gradient(Z, y)
    size = 10 * (1 + np.abs(Z).max())

    z = torch.tensor(Z, requires_grad=True)
    theirs = F.cross_entropy(z, torch.tensor(y))
    theirs.backward()
    same(p, torch.softmax(z, dim=1), size)
    same(loss, theirs, size)
    same(gradient, z.grad, size)

    z = tf.Variable(Z)
    with tf.GradientTape() as tape:
        theirs = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z)
        )
    same(p, tf.nn.softmax(z), size)
    same(loss, theirs, size)
    same(gradient, tape.gradient(theirs, z), size)

    same(p, keras.ops.softmax(Z), size)
    fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")
    same(loss, fn(y, Z), size)


@given(networks())
def test_backward(problem):
    X, params, y = problem
    Z, A = formulas.forward(X, params, np.tanh)
    delta = formulas.cross_entropy_gradient(Z[-1], y)
    ours = formulas.backward(Z, A, params, delta, formulas.d_tanh)
    size = size_of(X, params) ** 2

    theirs = in_torch(params)
    F.cross_entropy(
        run(torch.tensor(X), theirs, torch.tanh), torch.tensor(y)
    ).backward()
    for (grad_W, grad_b), (W, b) in zip(ours, theirs, strict=True):
        same(grad_W, W.grad, size)
        same(grad_b, b.grad, size)

    theirs = in_tensorflow(params)
    with tf.GradientTape() as tape:
        logits = run(tf.constant(X), theirs, tf.tanh)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        loss = tf.reduce_mean(loss)
    for mine, other in zip(ours, tape.gradient(loss, theirs), strict=True):
        same(mine[0], other[0], size)
        same(mine[1], other[1], size)


@given(networks(), st.integers(1, 3))
def test_train(problem, steps):
    """A few steps of plain SGD; in Keras only where they are two, to save time."""
    X, params, y = problem
    eta, batches = 0.125, [slice(None), slice(0, 1), slice(None)][:steps]
    ours, losses = formulas.train(X, y, params, np.tanh, formulas.d_tanh, eta, batches)
    assert len(losses) == steps
    size = size_of(X, params) ** 2

    theirs = in_torch(params)
    optimizer = torch.optim.SGD([a for layer in theirs for a in layer], lr=eta)
    model = in_keras(params, "tanh")
    model.compile(
        keras.optimizers.SGD(eta),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64"),
        run_eagerly=True,
    )
    variables = in_tensorflow(params)
    for batch, expected in zip(batches, losses, strict=True):
        optimizer.zero_grad()
        logits = run(torch.tensor(X[batch]), theirs, torch.tanh)
        loss = F.cross_entropy(logits, torch.tensor(y[batch]))
        same(expected, loss, size)
        loss.backward()
        optimizer.step()
        with tf.GradientTape() as tape:
            logits = run(tf.constant(X[batch]), variables, tf.tanh)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=y[batch], logits=logits
                )
            )
        flat = [a for layer in variables for a in layer]
        for variable, gradient in zip(flat, tape.gradient(loss, flat), strict=True):
            variable.assign_sub(eta * gradient)
        if steps == 2:
            model.train_on_batch(X[batch], y[batch])
    flat = [a for layer in ours for a in layer]
    for mine, a, b, c in zip(
        flat,
        [a for layer in theirs for a in layer],
        [a for layer in variables for a in layer],
        model.get_weights(),
        strict=True,
    ):
        same(mine, a, size)
        same(mine, b, size)
        if steps == 2:
            same(mine, c, size)


def test_glorot_uniform():
    """The variance, and the limits, are those of the frameworks' initialisers."""
    rng = np.random.default_rng(0)
    ours = formulas.glorot_uniform(600, 400, rng)
    torch.manual_seed(0)
    theirs = torch.nn.init.xavier_uniform_(torch.empty(400, 600, dtype=torch.float64))
    other = keras.initializers.GlorotUniform(seed=0)((600, 400))
    # 240 000 draws: the variance is good to 0.2 %, the largest to far less.
    for values in (theirs.numpy(), np.asarray(other)):
        np.testing.assert_allclose(ours.var(), values.var(), rtol=0.02)
        np.testing.assert_allclose(ours.max(), values.max(), rtol=1e-3)
        np.testing.assert_allclose(ours.min(), values.min(), rtol=1e-3)


def test_he_normal():
    rng = np.random.default_rng(0)
    ours = formulas.he_normal(600, 400, rng)
    torch.manual_seed(0)
    theirs = torch.nn.init.kaiming_normal_(
        torch.empty(400, 600, dtype=torch.float64), nonlinearity="relu"
    )
    other = keras.initializers.HeNormal(seed=0)((600, 400))
    for values in (theirs.numpy(), np.asarray(other)):
        np.testing.assert_allclose(ours.var(), values.var(), rtol=0.02)


def test_he_normal_keeps_the_signal():
    """Twenty wide ReLU layers, and the spread is still of the same size."""
    rng = np.random.default_rng(0)
    sizes = [400] * 21
    params = [
        (formulas.he_normal(*shape, rng), np.zeros(shape[1]))
        for shape in zip(sizes, sizes[1:], strict=False)
    ]
    Z, _ = formulas.forward(rng.normal(size=(50, 400)), params, formulas.relu)
    assert 0.5 < Z[-1].std() / Z[0].std() < 2
