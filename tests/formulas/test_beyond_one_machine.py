"""The formulas of practice/beyond_one_machine, against the three frameworks."""

import chapter
import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("practice/beyond_one_machine")

seeds = st.integers(0, 2**32 - 1)


@st.composite
def problems(draw):
    """Weights of a network, samples X (n, d), classes y (n,)."""
    rng = np.random.default_rng(draw(seeds))
    n, d, h, K = (draw(st.integers(low, 6)) for low in (2, 1, 1, 2))
    theta = [rng.normal(size=shape) for shape in ((d, h), (h,), (h, K), (K,))]
    return theta, rng.normal(size=(n, d)), rng.integers(K, size=n)


@given(problems())
def test_loss_and_gradient(problem):
    theta, X, y = problem
    loss, gradients = formulas.loss_and_gradient(theta, X, y)

    leaves = [torch.tensor(w, requires_grad=True) for w in theta]
    z = torch.tanh(torch.tensor(X) @ leaves[0] + leaves[1]) @ leaves[2] + leaves[3]
    theirs = torch.nn.functional.cross_entropy(z, torch.tensor(y))
    same(loss, theirs, 10)
    for ours, expected in zip(
        gradients, torch.autograd.grad(theirs, leaves), strict=True
    ):
        same(ours, expected, 100)

    variables = [tf.Variable(w) for w in theta]
    with tf.GradientTape() as tape:
        z = tf.tanh(X @ variables[0] + variables[1]) @ variables[2] + variables[3]
        theirs = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z)
        )
    same(loss, theirs, 10)
    for ours, expected in zip(gradients, tape.gradient(theirs, variables), strict=True):
        same(ours, expected, 100)

    logits = keras.ops.convert_to_tensor(z.numpy())
    theirs = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, dtype="float64"
    )(y, logits)
    np.testing.assert_allclose(loss, float(theirs), rtol=1e-6, atol=1e-6)


@given(problems(), st.integers(1, 5))
def test_average_is_the_gradient_of_the_whole_batch(problem, cut):
    theta, X, y = problem
    cut = min(cut, len(y) - 1)
    parts = [
        formulas.loss_and_gradient(theta, X[s], y[s])[1]
        for s in (slice(0, cut), slice(cut, None))
    ]
    whole = formulas.loss_and_gradient(theta, X, y)[1]
    for ours, expected in zip(
        formulas.average(parts, (cut, len(y) - cut)), whole, strict=True
    ):
        same(ours, expected, 100)


@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.integers(1, 9),
    st.integers(0, 3),
    st.sampled_from([2, 4, 8]),
)
def test_memory(widths, n, s, b):
    layers = [torch.nn.Linear(*pair) for pair in zip(widths, widths[1:], strict=False)]
    P = sum(p.numel() for layer in layers for p in layer.parameters())
    kept, rows = 0, torch.zeros(n, widths[0])
    for layer in layers:
        rows = layer(rows)
        kept += rows.numel()
    got = formulas.memory(widths, n, s, b)
    assert got.tolist() == [b * P, b * P, s * b * P, b * kept]


@given(seeds, st.integers(1, 5), st.integers(1, 12))
def test_ring(seed, p, N):
    vectors = np.random.default_rng(seed).normal(size=(p, N))
    sums, sent = formulas.ring_all_reduce(vectors)
    total = torch.from_numpy(vectors).sum(dim=0)
    same(sums, total.expand(p, N), 10)
    same(sums, tf.broadcast_to(tf.reduce_sum(vectors, axis=0), [p, N]), 10)
    same(sums, keras.ops.broadcast_to(keras.ops.sum(vectors, axis=0), (p, N)), 10)
    assert sent.sum() == 2 * (p - 1) * N
    if N % p == 0:
        assert set(sent) == {2 * (p - 1) * N // p}


def test_ring_time():
    for p in (2, 3, 8):
        # Step by step: a latency, then the bytes of one chunk.
        steps = [0.5 + 24.0 / p / 4.0 for _ in range(p - 1)] * 2
        ours = formulas.ring_time(24.0, p, alpha=0.5, beta=4.0)
        assert ours == pytest.approx(sum(steps))


def test_sharded():
    expected = [[20, 20, 40], [20, 20, 10], [20, 5, 10], [5, 5, 10]]
    for stage in range(4):
        assert formulas.sharded(P=5, p=4, stage=stage).tolist() == expected[stage]


@given(st.integers(1, 5), st.integers(1, 8))
def test_schedule_and_bubble(p, m):
    table = formulas.schedule(p, m)
    assert table.shape == (p, 2 * (m + p - 1))
    start = {}
    for s, t in np.argwhere(table):
        start[s, table[s, t]] = t
    assert len(start) == p * 2 * m
    for s in range(p):
        for j in range(1, m + 1):
            assert start[s, j] < start[s, -j]
            if s:
                assert start[s - 1, j] < start[s, j]
                assert start[s, -j] < start[s - 1, -j]
    assert formulas.bubble(p, m) == pytest.approx(np.mean(table == 0))
