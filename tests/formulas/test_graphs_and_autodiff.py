"""The formulas of foundations/graphs_and_autodiff, against the three frameworks."""

import chapter
import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from compare import same, vectors
from hypothesis import given
from hypothesis import strategies as st

formulas = chapter.load("foundations/graphs_and_autodiff")

seeds = st.integers(0, 2**32 - 1)


def f_numpy(x):
    return np.sum(np.sin(x) * np.exp(x / 2) * x)


def f_torch(x):
    return torch.sum(torch.sin(x) * torch.exp(x / 2) * x)


def f_tf(x):
    return tf.reduce_sum(tf.sin(x) * tf.exp(x / 2) * x)


def f_keras(x):
    return keras.ops.sum(keras.ops.sin(x) * keras.ops.exp(x / 2) * x)


def slopes_along(x, v):
    """The slope of f at x along v, by each framework."""
    _, by_torch = torch.func.jvp(f_torch, (torch.tensor(x),), (torch.tensor(v),))
    x_tf = tf.constant(x)
    with tf.autodiff.ForwardAccumulator(x_tf, tf.constant(v)) as forward:
        y = f_tf(x_tf)
    by_tf = forward.jvp(y)
    with tf.GradientTape() as tape:
        tape.watch(x_tf)
        y = f_keras(x_tf)
    by_keras = keras.ops.sum(tape.gradient(y, x_tf) * v)
    return by_torch, by_tf, by_keras


@given(vectors(3, bound=3), vectors(3, bound=3))
def test_complex_step(x, v):
    ours = formulas.complex_step(f_numpy, x, v)
    for theirs in slopes_along(x, v):
        same(ours, theirs, 1e3, tolerance=1e-13)


@given(vectors(3, bound=3), vectors(3, bound=1))
def test_differences(x, v):
    """Both are close, and the central one has no error of first order in the step."""
    forward = formulas.forward_difference(f_numpy, x, v, h=1e-7)
    central = formulas.central_difference(f_numpy, x, v, h=1e-5)
    for theirs in slopes_along(x, v):
        same(forward, theirs, 1.0, tolerance=1e-4)
        same(central, theirs, 1.0, tolerance=1e-6)


def test_differences_of_a_cubic():
    """On x cubed at 2, along 3, both are known exactly, error included."""
    x, v = np.array([2.0]), np.array([3.0])

    def cube(x):
        return np.sum(x**3)

    # (2 + 3h) cubed = 8 + 36 h + 54 h^2 + 27 h^3
    for h in (0.5, 0.25):
        forward = formulas.forward_difference(cube, x, v, h)
        same(forward, np.float64(36 + 54 * h + 27 * h**2), 100)
        same(
            formulas.central_difference(cube, x, v, h), np.float64(36 + 27 * h**2), 100
        )


@st.composite
def arrays(draw):
    """X (n, d), W (d, k) and two arrays of every shape that broadcasts with (n, k)."""
    n, d, k = (draw(st.integers(1, 4)) for _ in range(3))
    rng = np.random.default_rng(draw(seeds))
    fits = st.sampled_from([(n, k), (n, 1), (1, k), (k,), (1,), (), (1, 1)])
    shapes = (n, d), (d, k), draw(fits), draw(fits)
    return [rng.normal(size=shape) for shape in shapes]


def mixture(X, W, b, c):
    """A number that takes every operation of the engine, in its language."""
    f = formulas
    table = f.multiply(f.tanh(f.add(f.matmul(X, W), b)), c)  # (n, k)
    rows = f.shrink(f.exp(table), (f.value(table).shape[0], 1))  # (n, 1)
    share = f.multiply(f.power(f.stretch(rows, f.value(table).shape), -1.5), table)
    back = f.matmul(f.transpose(share), f.log(rows))  # (k, 1)
    return f.add(f.shrink(f.power(back, 2), ()), f.shrink(f.multiply(c, b), ()))


def mixture_torch(X, W, b, c):
    table = torch.tanh(X @ W + b) * c
    rows = torch.exp(table).sum(dim=1, keepdim=True)
    share = rows**-1.5 * table
    return ((share.T @ torch.log(rows)) ** 2).sum() + (c * b).sum()


def mixture_tf(X, W, b, c):
    table = tf.tanh(X @ W + b) * c
    rows = tf.reduce_sum(tf.exp(table), axis=1, keepdims=True)
    share = rows**-1.5 * table
    back = tf.linalg.matmul(share, tf.math.log(rows), transpose_a=True)
    return tf.reduce_sum(back**2) + tf.reduce_sum(c * b)


def mixture_keras(X, W, b, c):
    ops = keras.ops
    table = ops.tanh(ops.matmul(X, W) + b) * c
    rows = ops.sum(ops.exp(table), axis=1, keepdims=True)
    share = ops.power(rows, -1.5) * table
    back = ops.matmul(ops.transpose(share), ops.log(rows))
    return ops.sum(back**2) + ops.sum(c * b)


def gradients_keras(arrays):
    """Value and gradients of mixture_keras: one step of SGD at rate 1."""

    class Holder(keras.Model):
        def __init__(self):
            super().__init__(dtype="float64")
            self.held = [keras.Variable(a, dtype="float64") for a in arrays]

        def call(self, inputs):
            self.add_loss(mixture_keras(*map(keras.ops.convert_to_tensor, self.held)))
            return inputs

    model = Holder()
    model.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
    model.train_on_batch(np.zeros((1, 1)))
    return [a - np.asarray(v.value) for a, v in zip(arrays, model.held, strict=True)]


def size_of(gradient):
    return 100 * (1 + np.abs(gradient).max(initial=0))


@given(arrays())
def test_gradients(arrays):
    leaves = [formulas.node(a) for a in arrays]
    y = mixture(*leaves)
    ours = [formulas.value(g) for g in formulas.gradients(y, leaves)]
    assert formulas.value(y).shape == ()

    in_torch = [torch.tensor(a, requires_grad=True) for a in arrays]
    y_torch = mixture_torch(*in_torch)
    y_torch.backward()
    in_tf = [tf.Variable(a) for a in arrays]
    with tf.GradientTape() as tape:
        y_tf = mixture_tf(*in_tf)
    by_tf = tape.gradient(y_tf, in_tf)
    for theirs in y_torch, y_tf, mixture_keras(*arrays):
        same(formulas.value(y), theirs, size_of(formulas.value(y)))
    by_keras = gradients_keras(arrays)
    for g, a, t, k, p in zip(ours, in_torch, by_tf, by_keras, arrays, strict=True):
        same(g, a.grad, size_of(g))
        same(g, t, size_of(g))
        same(g, k, size_of(g) + np.abs(p))


@given(arrays(), seeds)
def test_hessian_vector(arrays, seed):
    rng = np.random.default_rng(seed)
    directions = [rng.normal(size=a.shape) for a in arrays]
    ours = formulas.hessian_vector(mixture, arrays, directions)

    _, by_torch = torch.func.jvp(  # forward over reverse: another way to the same
        torch.func.grad(mixture_torch, argnums=(0, 1, 2, 3)),
        tuple(map(torch.tensor, arrays)),
        tuple(map(torch.tensor, directions)),
    )
    in_tf = [tf.Variable(a) for a in arrays]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = mixture_tf(*in_tf)
        slopes = inner.gradient(y, in_tf)
        pairs = zip(slopes, directions, strict=True)
        along = sum(tf.reduce_sum(g * v) for g, v in pairs)
    by_tf = outer.gradient(along, in_tf)
    for h, t, f in zip(ours, by_torch, by_tf, strict=True):
        same(h, t, size_of(h))
        same(h, f, size_of(h))


def test_gradients_of_constants_and_of_what_plays_no_part():
    x, other = formulas.node(np.ones(3)), formulas.node(np.ones((2, 2)))
    y = formulas.shrink(formulas.multiply(x, np.arange(3.0)), ())
    of_x, of_other = formulas.gradients(y, [x, other])
    same(formulas.value(of_x), np.arange(3.0))
    same(formulas.value(of_other), np.zeros((2, 2)))
    assert formulas.history(y)[-1] is y
    assert [n["parents"] for n in formulas.history(x)] == [[]]
    assert formulas.node(1.0, (2.0, None))["parents"] == []


def test_a_vector_has_no_gradient():
    x = formulas.node(np.ones(3))
    with pytest.raises(ValueError, match="one number"):
        formulas.gradients(formulas.multiply(x, x), [x])


def test_powers_and_tanh_at_zero_have_every_derivative():
    for f, expected in [
        (lambda x: formulas.power(x, 2), [0, 2, 0, 0]),
        (formulas.tanh, [1, 0, -2, 0]),
    ]:
        x = formulas.node(0.0)
        y = f(x)
        for slope in expected:
            (y,) = formulas.gradients(y, [x])
            same(formulas.value(y), np.float64(slope))


def test_history_lists_parents_first():
    x = formulas.node(1.5)
    y = formulas.multiply(formulas.exp(x), formulas.add(x, x))
    order = [id(n) for n in formulas.history(y)]
    assert len(order) == len(set(order)) == 4
    for n in formulas.history(y):
        assert all(order.index(id(p)) < order.index(id(n)) for p, _ in n["parents"])


def test_machine_is_as_short_as_the_chapter_says():
    cells = [
        cell.source
        for cell in chapter.code_cells(
            chapter.read(chapter.CHAPTERS / "foundations/graphs_and_autodiff.ipynb")
        )
        if cell.id in ("engine", "operations", "functions")
    ]
    lines = [line.strip() for source in cells for line in source.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    assert len(cells) == 3
    assert len(lines) == 76
