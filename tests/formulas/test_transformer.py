"""The formulas of architectures/transformer, against the three frameworks."""

import functools

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

formulas = chapter.load("architectures/transformer")

seeds = st.integers(0, 2**32 - 1)
small = st.integers(1, 5)


@st.composite
def problems(draw):
    """Q (2, 3, n, d), K and V (2, 3, m, d), and a mask (2, 1, n, m), rows not empty."""
    n, m, d = draw(small), draw(small), draw(small)
    rng = np.random.default_rng(draw(seeds))
    Q = rng.normal(scale=2, size=(2, 3, n, d))
    K, V = rng.normal(scale=2, size=(2, 2, 3, m, d))
    mask = rng.uniform(size=(2, 1, n, m)) < 0.7
    mask[..., 0] = True
    return Q, K, V, mask


@st.composite
def layers(draw):
    """x (2, n, d), memory (2, m, d), weights of a layer, heads and a mask."""
    n, m, d_ff = draw(small), draw(small), draw(small)
    heads, width = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    d = heads * width
    rng = np.random.default_rng(draw(seeds))

    def pair(rows, columns):
        return rng.normal(size=(rows, columns)) / np.sqrt(rows), rng.normal(
            size=columns
        )

    p = {"hidden": pair(d, d_ff), "output": pair(d_ff, d)}
    for name in ("norm_1", "norm_2", "norm_cross"):
        p[name] = rng.normal(size=(2, d))
    for name in ("attention", "cross"):
        p[name] = {part: pair(d, d) for part in "qkvo"}
    mask = rng.uniform(size=(2, 1, 1, m)) < 0.7
    mask[..., 0] = True
    x, memory = rng.normal(size=(2, n, d)), rng.normal(size=(2, m, d))
    return x, memory, p, heads, mask


def flat(t):
    """(2, 3, n, d) -> (6, n, d): there, no two names mean the same axis by accident."""
    return t.reshape(6, *t.shape[2:])


def attend(Q, K, V, mask):
    """The formula on flat arrays: -> output (2, 3, n, d), A (2, 3, n, m)."""
    mask = np.broadcast_to(mask, (2, 3, *mask.shape[2:]))
    output, A = formulas.attention(*map(flat, (Q, K, V, mask)))
    return output.reshape(Q.shape), A.reshape(mask.shape)


def slopes_of(Q, K, V, A, G):
    """The gradient's formula on flat arrays: -> slopes shaped as Q, K, V."""
    slopes = formulas.attention_gradient(*map(flat, (Q, K, V, A, G)))
    return [s.reshape(t.shape) for s, t in zip(slopes, (Q, K, V), strict=True)]


def attention_tf(Q, K, V, mask):
    scores = tf.einsum("bhnd,bhmd->bhnm", Q, K) / K.shape[-1] ** 0.5
    A = tf.nn.softmax(scores + tf.where(mask, 0.0, -np.inf).numpy().astype(float))
    return tf.einsum("bhnm,bhmd->bhnd", A, V), A


@given(problems())
def test_attention(problem):
    Q, K, V, mask = problem
    output, A = attend(Q, K, V, mask)
    size = 10 + np.abs(V).max() * (1 + np.abs(Q).max() * np.abs(K).max() * Q.shape[-1])
    theirs = F.scaled_dot_product_attention(*map(torch.tensor, (Q, K, V, mask)))
    same(output, theirs, size)
    theirs, weights = attention_tf(Q, K, V, mask)
    same(output, theirs, size)
    same(A, weights, size)
    turned = (t.swapaxes(1, 2) for t in (Q, K, V))
    theirs = keras.ops.dot_product_attention(*turned, mask=np.repeat(mask, 3, axis=1))
    # Keras' own function computes the softmax in float32.
    same(output.swapaxes(1, 2), theirs, size, tolerance=1e-6)
    assert np.all(A[np.broadcast_to(~mask, A.shape)] == 0)


@given(problems())
def test_softmax(problem):
    z = 500 * problem[0]  # exp of these would overflow
    ours = formulas.softmax(flat(z)).reshape(z.shape)
    size = 1 + np.abs(z).max()
    same(ours, torch.tensor(z).softmax(dim=-1), size)
    same(ours, tf.nn.softmax(z), size)
    same(ours, keras.ops.softmax(z), size, tolerance=1e-6)


@given(problems(), seeds)
def test_attention_gradient(problem, seed):
    Q, K, V, mask = problem
    output, A = attend(Q, K, V, mask)
    G = np.random.default_rng(seed).normal(size=output.shape)
    ours = slopes_of(Q, K, V, A, G)
    size = 1e4

    leaves = [torch.tensor(t, requires_grad=True) for t in (Q, K, V)]
    F.scaled_dot_product_attention(*leaves, torch.tensor(mask)).backward(
        torch.tensor(G)
    )
    for slope, leaf in zip(ours, leaves, strict=True):
        same(slope, leaf.grad, size)

    leaves = [tf.Variable(t) for t in (Q, K, V)]
    with tf.GradientTape() as tape:
        output, _ = attention_tf(*leaves, mask)
    for slope, theirs in zip(ours, tape.gradient(output, leaves, G), strict=True):
        same(slope, theirs, size)


@given(problems())
def test_keras_gradient(problem):
    """Keras differentiates only through its backend; here by central differences."""
    Q, K, V, mask = problem
    output, A = attend(Q, K, V, mask)
    slopes = slopes_of(Q, K, V, A, np.ones_like(output))

    def loss(q, k, v):
        scores = keras.ops.einsum("bhnd,bhmd->bhnm", q, k) / np.sqrt(k.shape[-1])
        weights = keras.ops.exp(scores) * mask
        weights = weights / keras.ops.sum(weights, axis=-1, keepdims=True)
        return float(keras.ops.sum(weights @ keras.ops.convert_to_tensor(v)))

    step = 1e-5 * np.random.default_rng(0).normal(size=Q.shape)
    change = loss(Q + step, K, V) - loss(Q - step, K, V)
    assert abs(change / 2 - np.sum(step * slopes[0])) < 1e-8
    step = 1e-5 * np.random.default_rng(1).normal(size=K.shape)
    change = loss(Q, K + step, V) - loss(Q, K - step, V)
    assert abs(change / 2 - np.sum(step * slopes[1])) < 1e-8
    change = loss(Q, K, V + step) - loss(Q, K, V - step)
    assert abs(change / 2 - np.sum(step * slopes[2])) < 1e-8


@given(st.integers(1, 9))
def test_causal_mask(n):
    ours = formulas.causal_mask(n)
    assert ours.dtype == bool
    np.testing.assert_array_equal(ours, torch.ones(n, n, dtype=torch.bool).tril())
    np.testing.assert_array_equal(
        ours, tf.linalg.band_part(tf.ones((n, n), tf.bool), -1, 0)
    )
    np.testing.assert_array_equal(ours, keras.ops.tril(np.ones((n, n))) > 0)


def load_torch(layer, p):
    W, b = zip(*(p[name] for name in "qkv"), strict=True)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.tensor(np.concatenate(W, axis=1).T))
        layer.in_proj_bias.copy_(torch.tensor(np.concatenate(b)))
        layer.out_proj.weight.copy_(torch.tensor(p["o"][0].T))
        layer.out_proj.bias.copy_(torch.tensor(p["o"][1]))


def load_pairs(pairs):
    with torch.no_grad():
        for module, (W, b) in pairs:
            module.weight.copy_(torch.tensor(W.T))
            module.bias.copy_(torch.tensor(b))


@functools.cache  # building takes longer than calling
def attention_keras(heads, d):
    layer = keras.layers.MultiHeadAttention(heads, d // heads, dtype="float64")
    layer.build((None, None, d), (None, None, d))
    return layer


@functools.cache
def norm_keras(d):
    layer = keras.layers.LayerNormalization(epsilon=1e-5, dtype="float64")
    layer.build((None, None, d))
    return layer


@given(layers())
def test_multi_head(problem):
    x, memory, p, heads, mask = problem
    output, A = formulas.multi_head(x, memory, p["cross"], heads, mask)
    d = x.shape[-1]

    layer = torch.nn.MultiheadAttention(d, heads, batch_first=True, dtype=torch.float64)
    load_torch(layer, p["cross"])
    memory_torch = torch.tensor(memory)
    theirs, weights = layer(
        torch.tensor(x),
        memory_torch,
        memory_torch,
        key_padding_mask=~torch.tensor(mask[:, 0, 0]),
        average_attn_weights=False,
    )
    same(output, theirs, 1e3)
    same(A, weights, 1e3)

    q, k, v = (
        tf.einsum("bnd,dhw->bhnw", t, W.reshape(d, heads, -1)) + b.reshape(heads, 1, -1)
        for t, (W, b) in zip(
            (x, memory, memory), (p["cross"][name] for name in "qkv"), strict=True
        )
    )
    mixed, _ = attention_tf(q, k, v, mask)
    W, b = p["cross"]["o"]
    theirs = tf.einsum("bhnw,hwd->bnd", mixed, W.reshape(heads, -1, d)) + b
    same(output, theirs, 1e3)

    layer = attention_keras(heads, d)
    arrays = []
    for name in "qkv":
        W, b = p["cross"][name]
        arrays += [W.reshape(d, heads, -1), b.reshape(heads, -1)]
    W, b = p["cross"]["o"]
    layer.set_weights([*arrays, W.reshape(heads, -1, d), b])
    theirs = layer(x, memory, attention_mask=mask[:, 0])
    same(output, theirs, 1e3, tolerance=1e-7)


@given(layers())
def test_layer_norm(problem):
    x, _, p, _, _ = problem
    gamma, beta = p["norm_1"]
    for x in (x, np.zeros_like(x), 1e-3 * x):  # noqa: B020 - epsilon counts in the last
        ours = formulas.layer_norm(x, gamma, beta)
        d = x.shape[-1]
        theirs = F.layer_norm(
            torch.tensor(x), (d,), torch.tensor(gamma), torch.tensor(beta)
        )
        same(ours, theirs, 1e4)
        mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
        same(ours, tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-5), 1e4)
        layer = norm_keras(d)
        layer.set_weights([gamma, beta])
        same(ours, layer(x), 1e4, tolerance=1e-8)


def layer_torch(kind, p, heads, norm_first):
    """PyTorch's layer with what encoder and decoder share: all but what follows."""
    layer = kind(
        len(p["norm_1"][0]),
        heads,
        len(p["hidden"][1]),
        dropout=0.0,
        batch_first=True,
        norm_first=norm_first,
        dtype=torch.float64,
    )
    load_torch(layer.self_attn, p["attention"])
    load_pairs(
        [
            (layer.linear1, p["hidden"]),
            (layer.linear2, p["output"]),
            (layer.norm1, p["norm_1"]),
        ]
    )
    return layer


@given(layers(), st.booleans())
def test_encoder_layer(problem, pre_norm):
    _, x, p, heads, mask = problem
    ours = formulas.encoder_layer(x, p, heads, mask, pre_norm)
    layer = layer_torch(torch.nn.TransformerEncoderLayer, p, heads, pre_norm)
    load_pairs([(layer.norm2, p["norm_2"])])
    theirs = layer(torch.tensor(x), src_key_padding_mask=~torch.tensor(mask[:, 0, 0]))
    same(ours, theirs, 1e5)


@given(layers())
def test_decoder_layer(problem):
    y, memory, p, heads, mask = problem
    ours, A = formulas.decoder_layer(y, memory, p, heads, mask)
    layer = layer_torch(torch.nn.TransformerDecoderLayer, p, heads, norm_first=True)
    load_torch(layer.multihead_attn, p["cross"])
    load_pairs([(layer.norm2, p["norm_cross"]), (layer.norm3, p["norm_2"])])
    n = y.shape[1]
    theirs = layer(
        torch.tensor(y),
        torch.tensor(memory),
        tgt_mask=torch.ones(n, n, dtype=torch.bool).triu(1),
        memory_key_padding_mask=~torch.tensor(mask[:, 0, 0]),
    )
    same(ours, theirs, 1e5)
    assert A.shape == (2, heads, n, memory.shape[1])


@given(st.integers(1, 40), st.integers(1, 20).map(lambda half: 2 * half))
def test_positions(n, d):
    ours = formulas.positions(n, d)
    angle = torch.arange(n)[:, None] * torch.exp(
        -torch.arange(0, d, 2).double() / d * np.log(10_000)
    )
    theirs = torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)
    same(ours, theirs, 1e3)
    hands = tf.exp(tf.complex(tf.zeros_like(angle.numpy()), angle.numpy()))
    same(ours[:, 0::2], tf.math.imag(hands), 1e3)
    same(ours[:, 1::2], keras.ops.cos(angle.numpy()), 1e3)


@given(problems())
def test_cached_attention(problem):
    """Row by row with a cache, and all rows at once under the causal mask."""
    Q, K, V, _ = problem
    n = min(Q.shape[2], K.shape[2])
    Q, K, V = Q[:, :, :n], K[:, :, :n], V[:, :, :n]
    q, k, v = map(flat, (Q, K, V))
    cache, rows = (k[:, :0], v[:, :0]), []
    for t in range(n):
        now = slice(t, t + 1)
        row, cache = formulas.cached_attention(q[:, now], k[:, now], v[:, now], cache)
        rows.append(row)
    ours = np.concatenate(rows, axis=1).reshape(Q.shape)
    same(cache[0], k)
    theirs = F.scaled_dot_product_attention(
        *map(torch.tensor, (Q, K, V)), is_causal=True
    )
    same(ours, theirs, 1e4)
    lower = np.tril(np.ones((n, n), dtype=bool))
    same(ours, attention_tf(Q, K, V, lower)[0], 1e4)
    theirs = keras.ops.dot_product_attention(
        *(t.swapaxes(1, 2) for t in (Q, K, V)), is_causal=True
    )
    same(ours.swapaxes(1, 2), theirs, 1e4, tolerance=1e-8)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 40))
def test_layer_cost(n, d, d_ff):
    with FlopCounterMode(display=False) as counter:
        x = torch.zeros(n, d)
        for _ in range(4):
            x = x @ torch.zeros(d, d)
        x = x @ x.T @ x
        x @ torch.zeros(d, d_ff) @ torch.zeros(d_ff, d)
    assert 2 * formulas.layer_cost(n, d, d_ff) == counter.get_total_flops()
