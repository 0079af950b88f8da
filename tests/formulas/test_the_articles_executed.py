"""The right formulas of reference/the_articles_executed, against the frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("reference/the_articles_executed")

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 4)


@given(seeds, lengths, lengths)
def test_slopes(seed, n, d):
    """Exact for parabolas but for rounding; the frameworks' gradients of a cubic."""
    theta = np.random.default_rng(seed).uniform(-2, 2, size=(n, d))
    ours = formulas.slopes(lambda t: np.sum(t**3), theta)

    theta_torch = torch.tensor(theta, requires_grad=True)
    (theta_torch**3).sum().backward()
    same(ours, theta_torch.grad, 10, tolerance=1e-8)
    theta_tf = tf.Variable(theta)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(theta_tf**3)
    same(ours, tape.gradient(loss, theta_tf), 10, tolerance=1e-8)
    same(ours, 3 * keras.ops.square(theta), 10, tolerance=1e-8)
    # A wide step: the error of a cubic is h**2, so it shows the step that was asked.
    wide = formulas.slopes(lambda t: np.sum(t**3), theta, h=0.5)
    same(wide, 3 * theta**2 + 0.25, 30)


@given(seeds, lengths, lengths, st.floats(-3, 3))
def test_correlate(seed, K, L, b):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(6, 7)), rng.normal(size=(K, L))
    ours = formulas.correlate(x, w, b)
    bias = torch.tensor([b], dtype=torch.float64)
    pair = torch.tensor(x)[None, None], torch.tensor(w)[None, None]
    same(ours, torch.nn.functional.conv2d(*pair, bias)[0, 0], 100)
    theirs = tf.nn.conv2d(x[None, ..., None], w[..., None, None], 1, "VALID")
    same(ours, theirs[0, ..., 0] + b, 100)
    theirs = keras.ops.conv(
        x[None, ..., None], w[..., None, None], data_format="channels_last"
    )
    same(ours, theirs[0, ..., 0] + b, 100)


@given(seeds, lengths, lengths)
def test_pool(seed, K, L):
    x = np.random.default_rng(seed).normal(size=(2 * K, 3 * L)).astype("float32")
    for reduce, pooling, kind in (
        (np.max, torch.nn.functional.max_pool2d, "MAX"),
        (np.mean, torch.nn.functional.avg_pool2d, "AVG"),
    ):
        ours = formulas.pool(x.astype("float64"), K, L, reduce)
        theirs = pooling(torch.tensor(x, dtype=torch.float64)[None, None], (K, L))
        same(ours, theirs[0, 0])
        form = {"strides": (K, L), "padding": "VALID"}
        theirs = tf.nn.pool(x[None, ..., None], (K, L), kind, **form)[0, ..., 0]
        same(ours, tf.cast(theirs, "float64"), tolerance=1e-5)
        pooling = keras.ops.max_pool if kind == "MAX" else keras.ops.average_pool
        theirs = pooling(
            x[None, ..., None], (K, L), strides=(K, L), data_format="channels_last"
        )
        same(ours, keras.ops.cast(theirs[0, ..., 0], "float64"), tolerance=1e-5)


@given(seeds)
def test_sigmoid(seed):
    a = np.random.default_rng(seed).normal(scale=3, size=7)
    same(formulas.sigmoid(a), torch.sigmoid(torch.tensor(a)))
    same(formulas.sigmoid(a), tf.sigmoid(a))
    same(formulas.sigmoid(a), keras.ops.sigmoid(a))


@given(seeds, lengths, lengths, lengths)
def test_rnn_step(seed, n, d, m):
    rng = np.random.default_rng(seed)
    x, h = rng.normal(size=(n, d)), rng.normal(size=(n, m))
    W, U, b = rng.normal(size=(d, m)), rng.normal(size=(m, m)), rng.normal(size=m)
    ours = formulas.rnn_step(x, h, W, U, b)
    cell = torch.nn.RNNCell(d, m, dtype=torch.float64)
    load_cell(cell, W, U, b)
    same(ours, cell(torch.tensor(x), torch.tensor(h)), 10)
    same(ours, tf.tanh(tf.matmul(x, W) + tf.matmul(h, U) + b), 10)
    cell = keras.layers.SimpleRNNCell(m, dtype="float64")
    cell.build((None, d))
    cell.set_weights([W, U, b])
    same(ours, cell(x, [keras.ops.convert_to_tensor(h)])[0], 10)


def load_cell(cell, W, U, b):
    """Copy weights into a cell of PyTorch: W (d, k m), U (m, k m), b (k m,)."""
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(W.T))
        cell.weight_hh.copy_(torch.tensor(U.T))
        cell.bias_ih.copy_(torch.tensor(b))
        cell.bias_hh.zero_()


# To make a cell takes longer than to use it, so one of each has to do.
GRU_KERAS = keras.layers.GRUCell(4, reset_after=False, dtype="float64")
GRU_KERAS.build((None, 3))
GRU_TORCH = torch.nn.GRUCell(3, 4, dtype=torch.float64)


@given(seeds, lengths)
def test_gru_step(seed, n):
    """Keras resets before the product, as we do; PyTorch after it."""
    d, m, rng = 3, 4, np.random.default_rng(seed)
    x, h = rng.normal(size=(n, d)), rng.uniform(-1, 1, size=(n, m))
    W, U = rng.normal(size=(3, d, m)), rng.normal(size=(3, m, m))
    b = rng.normal(size=(3, m))
    stacked = [np.concatenate(W, axis=1), np.concatenate(U, axis=1), b.ravel()]
    for variable, value in zip(GRU_KERAS.weights, stacked, strict=True):
        variable.assign(value)
    theirs = GRU_KERAS(x, [keras.ops.convert_to_tensor(h)])[0]
    same(formulas.gru_step(x, h, W, U, b), theirs, 10)

    U[2] *= np.eye(m)  # then the order doesn't matter
    wide = (np.concatenate(part[[1, 0, 2]], axis=-1) for part in (W, U, b))
    load_cell(GRU_TORCH, *wide)
    theirs = GRU_TORCH(torch.tensor(x), torch.tensor(h))
    same(formulas.gru_step(x, h, W, U, b), theirs, 10)

    kernel = tf.raw_ops.GRUBlockCell(
        x=x.astype("float32"),
        h_prev=h.astype("float32"),
        w_ru=np.block([[W[1], W[0]], [U[1], U[0]]]).astype("float32"),
        w_c=np.concatenate([W[2], U[2]]).astype("float32"),
        b_ru=np.concatenate([b[1], b[0]]).astype("float32"),
        b_c=b[2].astype("float32"),
    )
    theirs = tf.cast(kernel.h, "float64")
    same(formulas.gru_step(x, h, W, U, b), theirs, tolerance=1e-5)
    z, r, candidate = formulas.gru_parts(x, h, W, U, b)
    same(r, tf.cast(kernel.r, "float64"), tolerance=1e-5)
    same(z, tf.cast(kernel.u, "float64"), tolerance=1e-5)
    same(candidate, tf.cast(kernel.c, "float64"), tolerance=1e-5)


@given(st.integers(1, 9), lengths)
def test_positions(n, half):
    ours = formulas.positions(n, 2 * half)
    t, i = np.arange(n, dtype="float64")[:, None], np.arange(half)
    angles = t * np.exp(-np.log(10_000) * i / half)
    turns = torch.polar(torch.ones(n, half, dtype=torch.float64), torch.tensor(angles))
    theirs = torch.stack([turns.imag, turns.real], dim=2).reshape(n, -1)
    same(ours, theirs, 10)
    turns = tf.exp(tf.complex(tf.zeros_like(angles), tf.constant(angles)))
    theirs = tf.stack([tf.math.imag(turns), tf.math.real(turns)], axis=2)
    same(ours, tf.reshape(theirs, (n, -1)), 10)
    theirs = keras.ops.stack([keras.ops.sin(angles), keras.ops.cos(angles)], axis=2)
    same(ours, keras.ops.reshape(theirs, (n, -1)), 10)


@given(seeds, st.integers(1, 4), st.integers(2, 4))
def test_layer_norm(seed, n, d):
    # Large rows and nearly constant ones: only the latter feel the 1e-5.
    x = np.random.default_rng(seed).normal(size=(n, d)) * np.array([[1e-3]])
    ours = formulas.layer_norm(x)
    same(ours, torch.nn.functional.layer_norm(torch.tensor(x), (d,)), 10)
    mean, variance = tf.nn.moments(tf.constant(x), axes=[-1], keepdims=True)
    theirs = tf.nn.batch_normalization(x, mean, variance, None, None, 1e-5)
    same(ours, theirs, 10)
    layer = keras.layers.LayerNormalization(epsilon=1e-5, dtype="float64")
    same(ours, layer(x), 10, tolerance=1e-6)


@given(seeds, st.integers(2, 5), st.integers(2, 4), lengths)
def test_encoder_layer(seed, n, d, wide):
    rng = np.random.default_rng(seed)
    p = {name: rng.normal(size=(d, d)) for name in "qkvo"}
    p |= {"1": rng.normal(size=(d, wide)), "2": rng.normal(size=(wide, d))}
    x = rng.normal(size=(n, d))
    ours = formulas.encoder_layer(x, p)

    layer = torch.nn.TransformerEncoderLayer(
        d, 1, wide, dropout=0.0, batch_first=True, bias=False, dtype=torch.float64
    )
    stacked = np.concatenate([p[name] for name in "qkv"], axis=1)
    with torch.no_grad():
        layer.self_attn.in_proj_weight.copy_(torch.tensor(stacked.T))
        layer.self_attn.out_proj.weight.copy_(torch.tensor(p["o"].T))
        layer.linear1.weight.copy_(torch.tensor(p["1"].T))
        layer.linear2.weight.copy_(torch.tensor(p["2"].T))
    # Normalising a row of nearly equal numbers loses digits: hence a large size.
    same(ours, layer(torch.tensor(x)[None])[0], 1e5)

    def normalise(x):
        mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-5)

    Q, K, V = (tf.matmul(x, p[name]) for name in "qkv")
    A = tf.nn.softmax(tf.matmul(Q, K, transpose_b=True) / d**0.5)
    a = normalise(x + A @ V @ p["o"])
    same(ours, normalise(a + tf.nn.relu(a @ p["1"]) @ p["2"]), 1e5)

    scores = keras.ops.matmul(Q, keras.ops.transpose(K)) / d**0.5
    attended = keras.ops.matmul(keras.ops.softmax(scores), keras.ops.matmul(V, p["o"]))
    same(formulas.self_attention(x, p), attended, 100)


@given(seeds, lengths, st.lists(lengths, min_size=1, max_size=3))
def test_mlp(seed, n, widths):
    rng = np.random.default_rng(seed)
    sizes = [3, *widths]
    pairs = [
        (rng.normal(size=(a, b)), rng.normal(size=b))
        for a, b in zip(sizes, sizes[1:], strict=False)
    ]
    x = rng.normal(size=(n, 3))
    ours = formulas.mlp(x, pairs)
    torch_x, tf_x, keras_x = torch.tensor(x), tf.constant(x), x
    for i, (W, b) in enumerate(pairs):
        torch_x = torch.nn.functional.linear(
            torch_x, torch.tensor(W.T), torch.tensor(b)
        )
        tf_x = tf.matmul(tf_x, W) + b
        keras_x = keras.ops.matmul(keras_x, W) + b
        if i + 1 < len(pairs):
            torch_x, tf_x = torch.tanh(torch_x), tf.tanh(tf_x)
            keras_x = keras.ops.tanh(keras_x)
    for theirs in (torch_x, tf_x, keras_x):
        same(ours, theirs, 100)


@given(seeds, st.integers(1, 5), st.integers(2, 5))
def test_cross_entropy(seed, n, K):
    rng = np.random.default_rng(seed)
    z, y = rng.normal(scale=5, size=(n, K)), rng.integers(K, size=n)
    ours = formulas.cross_entropy(z, y)
    theirs = torch.nn.functional.cross_entropy(torch.tensor(z), torch.tensor(y))
    same(ours, theirs, 100)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)
    same(ours, tf.reduce_mean(losses), 100)
    theirs = keras.ops.sparse_categorical_crossentropy(y, z, from_logits=True)
    same(ours, keras.ops.mean(theirs), 100)
    assert formulas.cross_entropy(np.array([[1e4, 0.0]]), np.array([0])) == 0


@given(seeds, lengths, lengths, lengths)
def test_layer_gradients(seed, n, d, m):
    rng = np.random.default_rng(seed)
    x, W, b = rng.normal(size=(n, d)), rng.normal(size=(d, m)), rng.normal(size=m)
    y = rng.uniform(size=(n, m))
    ours = formulas.layer_gradients(x, W, b, y)

    leaves = [torch.tensor(v, requires_grad=True) for v in (W, b, x)]
    y_hat = torch.sigmoid(leaves[2] @ leaves[0] + leaves[1])
    loss = torch.nn.functional.mse_loss(y_hat, torch.tensor(y))
    loss.backward()
    same(formulas.layer_loss(x, W, b, y), loss)
    variables = [tf.Variable(v) for v in (W, b, x)]
    with tf.GradientTape() as tape:
        y_hat = tf.sigmoid(tf.matmul(variables[2], variables[0]) + variables[1])
        loss = tf.reduce_mean((y_hat - y) ** 2)
    same(formulas.layer_loss(x, W, b, y), loss)
    for mine, leaf, grad in zip(
        ours, leaves, tape.gradient(loss, variables), strict=True
    ):
        same(mine, leaf.grad, 100)
        same(mine, grad, 100)
    y_hat = keras.ops.sigmoid(keras.ops.matmul(x, W) + b)
    loss = keras.losses.MeanSquaredError(dtype="float64")(y, y_hat)
    same(formulas.layer_loss(x, W, b, y), loss)


@given(seeds, st.sampled_from([0.0, 0.5, 0.875]), st.integers(0, 6))
def test_heavy_ball(seed, beta, steps):
    rng = np.random.default_rng(seed)
    curves, w = rng.uniform(0.5, 4, size=3), rng.normal(size=3)
    path = formulas.heavy_ball(lambda w: curves * w, w, 0.125, beta, steps)
    assert path.shape == (steps + 1, 3)

    w_torch = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.SGD([w_torch], lr=0.125, momentum=beta)
    w_tf, velocity = tf.Variable(w), tf.Variable(np.zeros(3))
    w_keras = keras.Variable(w, dtype="float64")
    keras_optimizer = keras.optimizers.SGD(0.125, momentum=beta)
    for expected in path:
        for theirs in (w_torch, w_tf, w_keras):
            same(expected, theirs, 10)
        optimizer.zero_grad()
        (torch.tensor(curves) * w_torch**2 / 2).sum().backward()
        optimizer.step()
        velocity.assign(beta * velocity + curves * w_tf)
        w_tf.assign_sub(0.125 * velocity)
        keras_optimizer.apply([curves * w_keras], [w_keras])
