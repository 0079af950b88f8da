"""The formulas of practice/data_pipelines, against the three frameworks."""

import functools

import chapter
import keras
import numpy as np
import tensorflow as tf
import torch
from compare import same
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("practice/data_pipelines")

seeds = st.integers(0, 2**32 - 1)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 3), seeds)
def test_summary_and_merge(lengths, d, seed):
    rng = np.random.default_rng(seed)
    chunks = [rng.normal(size=(n, d)) + 3 * rng.normal(size=d) for n in lengths]
    n, mean, S = functools.reduce(formulas.merge, map(formulas.summary, chunks))
    x = np.concatenate(chunks)
    assert n == len(x)
    variance_torch, mean_torch = torch.var_mean(torch.tensor(x), dim=0, correction=0)
    mean_tf, variance_tf = tf.nn.moments(tf.constant(x), axes=[0])
    mean_keras, variance_keras = keras.ops.moments(x, axes=[0])
    for theirs in (mean_torch, mean_tf, mean_keras):
        same(mean, theirs, 100)
    for theirs in (variance_torch, variance_tf, variance_keras):
        same(S / n, theirs, 1000)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), seeds)
def test_merge_is_what_adapt_does(lengths, seed):
    rng = np.random.default_rng(seed)
    chunks = [rng.normal(size=(n, 2)) + rng.normal(size=2) for n in lengths]
    n, mean, S = functools.reduce(formulas.merge, map(formulas.summary, chunks))
    layer = keras.layers.Normalization()
    layer.adapt(chunks)
    same(mean, np.ravel(layer.mean).astype("float64"), 10, 1e-6)
    same(S / n, np.ravel(layer.variance).astype("float64"), 100, 1e-6)


class Script:
    """A random generator whose draws are given; notes how many there were to choose."""

    def __init__(self, draws):
        self.draws, self.bounds = list(draws), []

    def integers(self, bound):
        self.bounds.append(bound)
        position = len(self.bounds) - 1
        return self.draws[position] if position < len(self.draws) else 0


def all_orders(n, B):
    """Every order that the buffer can give, with its probability."""
    todo = [[]]
    while todo:
        draws = todo.pop()
        script = Script(draws)
        order = list(formulas.shuffle_buffer(range(n), B, script))
        if len(draws) == len(script.bounds):
            yield order, 1 / np.prod(script.bounds)
        else:
            todo += [[*draws, draw] for draw in range(script.bounds[len(draws)])]


def test_places_are_those_of_all_draws():
    for n in (1, 2, 3, 5):
        for B in (1, 2, 3, 6):
            P = np.zeros((n, n))
            for order, probability in all_orders(n, B):
                P[order, np.arange(n)] += probability
            same(formulas.places(n, B), P)


@given(st.integers(1, 12), st.integers(1, 14))
def test_places(n, B):
    ours = formulas.places(n, B)
    s = [min(B, n - j) for j in range(n)]  # samples in the buffer
    for i in range(n):
        t = max(0, i - B + 1)
        stay = np.array([1.0, *(1 - 1 / s[m] for m in range(t, n - 1))])
        drawn = 1 / np.array(s[t:])
        before = np.zeros(t)
        for product in (
            torch.cumprod(torch.tensor(stay), 0) * torch.tensor(drawn),
            tf.math.cumprod(tf.constant(stay)) * drawn,
            keras.ops.cumprod(stay) * drawn,
        ):
            same(ours[i], np.append(before, np.asarray(product)), 10)
    same(ours.sum(axis=0), np.ones(n))  # each place is taken once
    same(ours.sum(axis=1), np.ones(n))  # each sample goes somewhere


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), seeds)
def test_class_weights_and_balanced_loss(counts, seed):
    rng = np.random.default_rng(seed)
    K = len(counts)
    y = rng.permutation(np.repeat(np.arange(K), counts))
    losses = rng.exponential(size=len(y))
    weights = formulas.class_weights(y, K)
    assert weights.shape == (K,)
    same(weights * counts, np.full(K, len(y) / K), 10)
    ours = formulas.balanced_loss(losses, y, K)
    parts = [losses[y == k] for k in range(K)]
    same(ours, torch.stack([torch.tensor(part).mean() for part in parts]).mean(), 10)
    same(ours, tf.reduce_mean([tf.reduce_mean(part) for part in parts]), 10)
    means = keras.ops.stack([keras.ops.mean(part) for part in parts])
    same(ours, keras.ops.mean(means), 10)

    losses_torch = torch.tensor(losses, requires_grad=True)
    torch.stack([losses_torch[y == k].mean() for k in range(K)]).mean().backward()
    same(weights[y] / len(y), losses_torch.grad, 10)  # the gradient is the weight


@given(st.integers(1, 8), st.integers(1, 4), seeds)
def test_finish_times(N, S, seed):
    t = np.random.default_rng(seed).exponential(size=(N, S))
    ours = formulas.finish_times(t)
    earlier = np.tri(N, dtype=bool)  # batch c (column) is not after batch b (row)
    f_torch, f_tf, f_keras = torch.zeros(N).double(), np.zeros(N), np.zeros(N)
    for s in range(S):
        column = torch.tensor(t[:, s])
        done = torch.cumsum(column, 0)  # were there never a wait
        f_torch = done + torch.cummax(f_torch - (done - column), 0).values
        same(ours[:, s], f_torch, 10)

        done = tf.cumsum(t[:, s])
        waits = tf.where(earlier, f_tf - (done - t[:, s]), -np.inf)
        f_tf = done + tf.reduce_max(waits, axis=1)
        same(ours[:, s], f_tf, 10)

        done = keras.ops.cumsum(t[:, s])
        waits = keras.ops.where(earlier, f_keras - (done - t[:, s]), -np.inf)
        f_keras = done + keras.ops.max(waits, axis=1)
        same(ours[:, s], f_keras, 10)


@given(st.integers(1, 8), st.integers(1, 4), seeds)
def test_overlapped(N, S, seed):
    t = np.random.default_rng(seed).exponential(size=S)
    ours = formulas.overlapped(t, N)
    same(ours, formulas.finish_times(np.tile(t, (N, 1)))[-1, -1], 10)
    t_torch = torch.tensor(t)
    same(ours, t_torch.sum() + (N - 1) * t_torch.max(), 10)
    same(ours, tf.reduce_sum(t) + (N - 1) * tf.reduce_max(t), 10)
    same(ours, keras.ops.sum(t) + (N - 1) * keras.ops.max(t), 10)
