"""The formulas of foundations/tensors, against the three frameworks."""

import chapter
import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from compare import matrices, numbers, regressions, same, vectors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

formulas = chapter.load("foundations/tensors")

lengths = st.integers(1, 4)
shapes = st.lists(lengths, max_size=4).map(tuple)
# Ones are drawn often, so that many pairs of shapes fit, and 0 is a length as well.
broadcastable = st.lists(st.sampled_from([1, 1, 1, 3, 2, 0]), max_size=4).map(tuple)


@given(shapes)
def test_row_major_strides(shape):
    ours = formulas.row_major_strides(shape)
    assert ours == torch.empty(shape).stride()
    assert ours == tuple(s // 8 for s in np.empty(shape).strides)


@given(shapes, st.data())
def test_address(shape, data):
    """Where an element lies: told by numbering the places of memory."""
    size, offset = int(np.prod(shape)), data.draw(st.integers(0, 5))
    places = torch.arange(offset + size)[offset:].reshape(shape)
    index = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    ours = formulas.address(index, places.stride(), places.storage_offset())
    assert ours == places[index].item()
    assert ours == tf.reshape(tf.range(offset, offset + size), shape)[index].numpy()
    numbered = keras.ops.arange(offset, offset + size)
    assert ours == int(keras.ops.reshape(numbered, shape)[index])


@given(st.data())
def test_read(data):
    """Any strides and offset, overlapping or not, as torch.as_strided reads them."""
    shape = data.draw(shapes)
    strides = tuple(data.draw(st.integers(0, 5)) for _ in shape)
    offset = data.draw(st.integers(0, 3))
    memory = np.random.default_rng(0).normal(size=80)
    ours = formulas.read(memory, shape, strides, offset)
    same(ours, torch.as_strided(torch.tensor(memory), shape, strides, offset))
    places = torch.as_strided(torch.arange(80), shape, strides, offset).numpy()
    same(ours, tf.gather(memory, places))
    same(ours, keras.ops.take(memory, places))


def verdict(rule, *given_shapes):
    """The shape that a rule gives, or None where it refuses."""
    try:
        return tuple(rule(*given_shapes))
    except (ValueError, RuntimeError, tf.errors.InvalidArgumentError):
        return None


@given(broadcastable, broadcastable)
def test_broadcast_shape(a, b):
    ours = verdict(formulas.broadcast_shape, a, b)
    assert ours == verdict(np.broadcast_shapes, a, b)
    assert ours == verdict(lambda a, b: (torch.empty(a) + torch.empty(b)).shape, a, b)
    assert ours == verdict(lambda a, b: (tf.zeros(a) + tf.zeros(b)).shape, a, b)
    # Not keras.ops.add: on TensorFlow it takes some columns for a bias (Keras 3.15).
    assert ours == verdict(
        lambda a, b: keras.ops.multiply(keras.ops.zeros(a), keras.ops.zeros(b)).shape,
        a,
        b,
    )


@given(shapes, st.data())
def test_stretch(target, data):
    """Some axes of the target are of length 1 in the tensor, the first ones missing."""
    missing = data.draw(st.integers(0, len(target)))
    shape = tuple(data.draw(st.sampled_from([1, n])) for n in target[missing:])
    A = np.random.default_rng(0).normal(size=shape)
    ours = formulas.stretch(A, target)
    same(ours, torch.tensor(A).expand(target))
    same(ours, tf.broadcast_to(A, target))
    same(ours, keras.ops.broadcast_to(A, target))


@given(regressions())
def test_false_mse(problem):
    """The wrong value of the wrong shapes, and that its gradient pulls to the mean."""
    X, y, w, b = problem
    y_hat = X @ w + b
    n, size = len(y), (1 + np.abs(y_hat).max() + np.abs(y).max()) ** 2
    ours = formulas.false_mse(y_hat, y)
    same(ours, np.mean((y_hat - y.mean()) ** 2) + np.var(y), size)

    column = torch.tensor(y_hat[:, None], requires_grad=True)
    theirs = torch.mean((column - torch.tensor(y)) ** 2)
    same(ours, theirs, size)
    theirs.backward()
    same(2 / n * (y_hat - y.mean()), column.grad[:, 0], size)
    same(ours, tf.reduce_mean((tf.constant(y_hat[:, None]) - y) ** 2), size)
    difference = keras.ops.subtract(y_hat[:, None], y)
    same(ours, keras.ops.mean(keras.ops.square(difference)), size)


@given(matrices(), st.data())
def test_matmul(A, data):
    m = data.draw(lengths)
    B = data.draw(arrays(np.float64, (A.shape[1], m), elements=numbers()))
    ours, size = formulas.matmul(A, B), np.abs(A) @ np.abs(B)
    same(ours, torch.tensor(A) @ torch.tensor(B), size)
    same(ours, tf.matmul(A, B), size)
    same(ours, keras.ops.matmul(A, B), size)


RULES = ["ik,kj->ij", "ij->ji", "ij->j", "ij->", "ii->i", "ii->", "ijj->i", "i,j->ij"]
RULES += ["bik,bkj->bij", "i,i,i->", "ij,ij->ij", "ij,kj,k->i", ",i->i"]


@given(st.sampled_from(RULES), st.data())
def test_einsum(rule, data):
    names = rule.split("->")[0].split(",")
    length = {letter: data.draw(st.integers(1, 3)) for letter in sorted(set(rule))}
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    inputs = [rng.normal(size=[length[letter] for letter in name]) for name in names]
    ours = formulas.einsum(rule, *inputs)
    size = formulas.einsum(rule, *map(np.abs, inputs))
    same(ours, torch.einsum(rule, *map(torch.tensor, inputs)), size)
    same(ours, tf.einsum(rule, *inputs), size)
    same(ours, keras.ops.einsum(rule, *inputs), size)


def test_einsum_refuses_lengths_that_differ():
    with pytest.raises(ValueError, match="k is 3 and 2"):
        formulas.einsum("ik,kj->ij", np.ones((4, 2)), np.ones((3, 4)))


@given(matrices(), st.data())
def test_distances(A, data):
    """Both ways, and torch.cdist by its exact way."""
    n = data.draw(st.integers(1, 5))
    B = data.draw(arrays(np.float64, (n, A.shape[1]), elements=numbers()))
    ours, product = formulas.distances(A, B), formulas.distances_by_product(A, B)
    size = np.sum(A**2, axis=1)[:, None] + np.sum(B**2, axis=1)
    same(ours, product, 4 * size)

    theirs = torch.cdist(
        torch.tensor(A),
        torch.tensor(B),
        compute_mode="donot_use_mm_for_euclid_dist",
    )
    same(ours, theirs**2, 4 * size)
    same(ours, tf.reduce_sum((tf.constant(A)[:, None, :] - B) ** 2, axis=2), 4 * size)
    difference = keras.ops.subtract(A[:, None, :], B)
    same(ours, keras.ops.sum(keras.ops.square(difference), axis=2), 4 * size)


# The digits after the leading 1 of a float64 and of a float32.
@given(st.floats(1e-30, 1e30), st.booleans(), st.sampled_from([(52, 64), (23, 32)]))
def test_gap(x, negative, kind):
    p, bits = kind
    x = np.array([x]).astype(f"float{bits}")
    ours, one = formulas.gap(-x if negative else x, p), np.ones(1)
    infinity = np.full_like(x, np.inf)
    above = torch.nextafter(torch.tensor(x), torch.tensor(infinity))
    same(one, (above.double().numpy() - x) / ours)
    above = tf.math.nextafter(tf.constant(x), tf.constant(infinity))
    same(one, (tf.cast(above, tf.float64).numpy() - x) / ours)
    # keras.ops.nextafter steps in float64 always (3.15). But x + gap is the next
    # number, and a quarter of the gap is lost.
    step = ours.astype(x.dtype)
    above = keras.ops.convert_to_numpy(keras.ops.add(x, step))
    same(one, (above.astype(float) - x) / ours)
    assert keras.ops.add(x, step / 4) == x


@given(matrices(), st.data())
def test_standardise(X, data):
    """Against the frameworks' own layer norm, down the columns; flat ones are zero."""
    mean, std = X.mean(axis=0), X.std(axis=0)
    std = np.where(std > 1e-6, std, 0)  # rounding makes a constant column's std 1e-15
    flat = data.draw(st.booleans())
    if flat:
        X = np.column_stack([X, np.full(len(X), 1003.0)])
        rounding = data.draw(st.sampled_from([0.0, 1e-9]))  # against a mean of 1000
        mean, std = np.append(mean, 1000.0), np.append(std, rounding)
    ours = formulas.standardise(X, mean, std)
    if flat:
        same(ours[:, -1], np.full(len(X), 3.0))  # shifted by the mean, not scaled
    spread = std > 1e-6
    X, mean, std = X[:, spread], mean[spread], std[spread]
    ours, size = ours[:, spread], (np.abs(X) + np.abs(mean)) / std
    variance = std**2
    theirs = torch.nn.functional.batch_norm(
        torch.tensor(X), torch.tensor(mean), torch.tensor(variance), eps=0.0
    )
    same(ours, theirs, 4 * size)
    theirs = tf.nn.batch_normalization(X, mean, variance, None, None, 0.0)
    same(ours, theirs, 4 * size)
    # The keywords by hand: keras.ops.batch_normalization adds a float32 epsilon.
    theirs = keras.ops.divide(keras.ops.subtract(X, mean), keras.ops.sqrt(variance))
    same(ours, theirs, 4 * size)


@given(vectors(3), vectors(3))
def test_einsum_is_the_scalar_product(a, b):
    same(formulas.einsum("i,i->", a, b), torch.dot(*map(torch.tensor, (a, b))), 1e4)
