"""The formulas of architectures/recurrent_networks, against the three frameworks."""

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("architectures/recurrent_networks")

seeds = st.integers(0, 2**32 - 1)
# Sums of a dozen products of moderate numbers, through at most six steps.
SIZE = 1e3
# Keras multiplies float64 matrices in float32, outside TensorFlow, and TensorFlow's
# kernels know nothing else: seven digits, a few of them lost on the way.
ROUGH = 1e-5


@st.composite
def problems(draw, blocks, biases=1):
    """X (n, T, d), one start (n, m), weights W, U and biases of so many blocks."""
    n, T, d, m = (draw(st.integers(1, most)) for most in (3, 6, 3, 4))
    rng = np.random.default_rng(draw(seeds))
    X, h = rng.normal(size=(n, T, d)), rng.normal(size=(n, m))
    W, U = rng.normal(size=(d, blocks * m)), rng.normal(size=(m, blocks * m))
    return X, h, [W, U, *rng.normal(size=(biases, blocks * m))], rng


def rough(ours, theirs):
    """Float32 somewhere inside."""
    theirs = np.asarray(keras.ops.convert_to_numpy(theirs), dtype=np.float64)
    same(ours, theirs, 1.0, ROUGH)


def layer_torch(kind, X, weights):
    """A recurrent layer of PyTorch with our weights; a bias we lack is zero."""
    W, U, b, *b_h = weights
    layer = kind(X.shape[2], U.shape[0], batch_first=True, dtype=torch.float64)
    values = W.T, U.T, b, b_h[0] if b_h else np.zeros_like(b)
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))
    return layer


def layer_keras(kind, X, weights, **options):
    """A recurrent layer of Keras with these weights, in its own order."""
    m = weights[1].shape[0]
    layer = kind(m, return_sequences=True, dtype="float64", **options)
    layer.build((None, None, X.shape[2]))
    layer.set_weights(weights)
    return layer


def states(step, X, *start):
    return formulas.unroll(step, X, *start)[0]


@given(problems(1))
def test_rnn_step_and_unroll(problem):
    X, h, weights, _ = problem
    W, U, b = weights
    H, (last,) = formulas.unroll(lambda x, h: formulas.rnn_step(x, h, *weights), X, h)
    same(last, H[:, -1])
    theirs, _ = layer_torch(torch.nn.RNN, X, weights)(
        torch.tensor(X), torch.tensor(h[None])
    )
    same(H, theirs, SIZE)
    A = tf.transpose(tf.constant(X) @ W + b, [1, 0, 2])
    scanned = tf.scan(lambda h, a: tf.tanh(a + h @ U), A, tf.constant(h))
    same(H, tf.transpose(scanned, [1, 0, 2]), SIZE)
    layer = layer_keras(keras.layers.SimpleRNN, X, weights)
    rough(H, layer(X, initial_state=[keras.ops.convert_to_tensor(h)]))


@given(problems(1))
def test_rnn_backward(problem):
    X, h, weights, rng = problem
    H = states(lambda x, h: formulas.rnn_step(x, h, *weights), X, h)
    G = rng.normal(size=H.shape)
    W, U, b = weights
    ours = formulas.rnn_backward(X, h, H, W, U, G)

    x = torch.tensor(X, requires_grad=True)
    layer = layer_torch(torch.nn.RNN, X, weights)
    (layer(x, torch.tensor(h[None]))[0] * torch.tensor(G)).sum().backward()
    grads = [p.grad for p in layer.parameters()]
    theirs = x.grad, grads[0].T, grads[1].T, grads[2]
    # Gradients may explode: each step multiplies by U once more.
    size = SIZE * max(1, np.linalg.norm(U, ord=2)) ** X.shape[1]
    for mine, other in zip(ours, theirs, strict=True):
        same(mine, other, size)

    variables = [tf.Variable(v) for v in (X, W, U, b)]
    with tf.GradientTape() as tape:
        x, w, u, bias = variables
        state, loss = tf.constant(h), 0.0
        for t in range(X.shape[1]):
            state = tf.tanh(x[:, t] @ w + state @ u + bias)
            loss += tf.reduce_sum(state * G[:, t])
    for mine, other in zip(ours, tape.gradient(loss, variables), strict=True):
        same(mine, other, size)


def test_rnn_backward_keras():
    rng = np.random.default_rng(seed=0)
    X, G = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 5, 4))
    weights = [0.5 * rng.normal(size=size) for size in ((2, 4), (4, 4), 4)]
    zeros = np.zeros((3, 4))
    H = states(lambda x, h: formulas.rnn_step(x, h, *weights), X, zeros)
    layer = layer_keras(keras.layers.SimpleRNN, X, weights)
    model = keras.Sequential([keras.Input((5, 2), dtype="float64"), layer])
    model.compile(
        keras.optimizers.SGD(1.0),
        loss=lambda G, H: keras.ops.sum(G * H),
        run_eagerly=True,
    )
    model.train_on_batch(X, G)
    ours = formulas.rnn_backward(X, zeros, H, *weights[:2], G)[1:]
    for mine, before, after in zip(ours, weights, layer.get_weights(), strict=True):
        rough(mine, before - after)


@given(problems(4))
def test_lstm_step(problem):
    X, h, weights, rng = problem
    c = rng.normal(size=h.shape)
    H, (_, c_last) = formulas.unroll(
        lambda x, h, c: formulas.lstm_step(x, h, c, *weights), X, h, c
    )
    theirs, (_, c_torch) = layer_torch(torch.nn.LSTM, X, weights)(
        torch.tensor(X), (torch.tensor(h[None]), torch.tensor(c[None]))
    )
    same(H, theirs, SIZE)
    same(c_last, c_torch[0], SIZE)
    layer = layer_keras(keras.layers.LSTM, X, weights)
    start = [keras.ops.convert_to_tensor(s) for s in (h, c)]
    rough(H, layer(X, initial_state=start))

    m = h.shape[1]
    order = np.r_[0:m, 2 * m : 3 * m, m : 2 * m, 3 * m : 4 * m]  # i, g, f, o
    stacked = np.vstack(weights[:2])[:, order].astype("float32")
    kernel = tf.raw_ops.LSTMBlockCell(
        x=X[:, 0].astype("float32"),
        cs_prev=c.astype("float32"),
        h_prev=h.astype("float32"),
        w=stacked,
        b=weights[2][order].astype("float32"),
        wci=tf.zeros(m),
        wcf=tf.zeros(m),
        wco=tf.zeros(m),
        forget_bias=0.0,
        cell_clip=-1.0,
    )
    rough(H[:, 0], kernel.h.numpy())


@given(problems(4))
def test_sigmoid(problem):
    a = problem[2][0]
    ours = formulas.sigmoid(a)
    same(ours, torch.sigmoid(torch.tensor(a)))
    same(ours, tf.sigmoid(a))
    rough(ours, keras.ops.sigmoid(a))


@given(problems(3, biases=2))
def test_gru_step_reset_after(problem):
    X, h, weights, _ = problem
    H = states(lambda x, h: formulas.gru_step(x, h, *weights), X, h)
    theirs, _ = layer_torch(torch.nn.GRU, X, weights)(
        torch.tensor(X), torch.tensor(h[None])
    )
    same(H, theirs, SIZE)
    W, U, b, b_h = (blocks_keras(w) for w in weights)
    layer = layer_keras(keras.layers.GRU, X, [W, U, np.stack([b, b_h])])
    rough(H, layer(X, initial_state=[keras.ops.convert_to_tensor(h)]))


@given(problems(3, biases=2))
def test_gru_step_reset_before(problem):
    X, h, (W, U, b, b_h), _ = problem

    def step(x, h):
        return formulas.gru_step(x, h, W, U, b, b_h, reset_after=False)

    H = states(step, X, h)
    W_k, U_k, b_k = (blocks_keras(w) for w in (W, U, b + b_h))
    layer = layer_keras(keras.layers.GRU, X, [W_k, U_k, b_k], reset_after=False)
    rough(H, layer(X, initial_state=[keras.ops.convert_to_tensor(h)]))

    m = h.shape[1]
    stacked = np.vstack([W, U]).astype("float32")
    bias = (b + b_h).astype("float32")
    kernel = tf.raw_ops.GRUBlockCell(
        x=X[:, 0].astype("float32"),
        h_prev=h.astype("float32"),
        w_ru=stacked[:, : 2 * m],
        w_c=stacked[:, 2 * m :],
        b_ru=bias[: 2 * m],
        b_c=bias[2 * m :],
    )
    rough(H[:, 0], kernel.h.numpy())


def blocks_keras(w):
    """Blocks r, z, n in the order z, r, n."""
    r, z, n = np.split(w, 3, axis=-1)
    return np.concatenate([z, r, n], axis=-1)


@given(problems(4))
def test_masked(problem):
    """Right padding is skipped: by us, by PyTorch's packing, by Keras's mask."""
    X, h, weights, rng = problem
    zeros = np.zeros_like(h)
    n, T, _ = X.shape
    lengths = rng.integers(1, T + 1, size=n)
    mask = (np.arange(T) < lengths[:, None]).astype(float)

    def step(x, h, c):
        return formulas.lstm_step(x, h, c, *weights)

    with_mask = np.concatenate([X, mask[:, :, None]], axis=2)
    waiting = formulas.masked(step)
    _, (h_last, c_last) = formulas.unroll(waiting, with_mask, zeros, zeros)

    packed = torch.nn.utils.rnn.pack_padded_sequence(
        torch.tensor(X), torch.tensor(lengths), batch_first=True, enforce_sorted=False
    )
    _, (h_torch, c_torch) = layer_torch(torch.nn.LSTM, X, weights)(packed)
    same(h_last, h_torch[0], SIZE)
    same(c_last, c_torch[0], SIZE)
    layer = keras.layers.LSTM(h.shape[1], dtype="float64")
    layer.build((None, None, X.shape[2]))
    layer.set_weights(weights)
    rough(h_last, layer(X, mask=keras.ops.convert_to_tensor(mask > 0)))
    for i, length in enumerate(lengths):  # alone, nothing needs a mask
        alone = states(step, X[[i], :length], zeros[:1], zeros[:1])
        same(h_last[i], alone[0, -1], SIZE)
