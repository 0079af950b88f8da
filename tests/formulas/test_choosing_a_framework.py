"""The formulas and every row of the tables of practice/choosing_a_framework."""

import ast
import tempfile

import chapter
import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
import torch.nn.functional as F
from compare import numbers
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from threeways import to_numpy
from tools.notebooks import CHAPTERS, code_cells, read

formulas = chapter.load("practice/choosing_a_framework")
PAGE = read(CHAPTERS / "practice/choosing_a_framework.ipynb")
CELLS = {cell.id: cell.source for cell in code_cells(PAGE)}
TOOLS = {}
exec(CELLS["rosetta-tools"], TOOLS)  # the page's own reader of tables
U = 2.0**-24


def tables():
    """Name and rows of each table of the page."""
    for name, source in CELLS.items():
        if name.startswith("rows-"):
            table, text = ast.parse(source).body[0].value.args
            yield table.value, TOOLS["read_rows"](text.value)


ROWS = [(table, row) for table, rows in tables() for row in rows]


@st.composite
def products(draw):
    n, m, k = (draw(st.integers(1, 8)) for _ in range(3))
    A, B = (
        draw(arrays(np.float32, s, elements=numbers(bound=8.0)))
        for s in ((n, m), (m, k))
    )
    # No product so small that it would lose digits for want of exponents.
    return [np.where(np.abs(M) < 1e-3, 0, M).astype("float32") for M in (A, B)]


@given(products())
def test_every_framework_keeps_to_the_bound(problem):
    A, B = problem
    A_64, B_64 = A.astype("float64"), B.astype("float64")
    bound = formulas.product_bound(A_64, B_64, U)
    assert bound.shape == (len(A), B.shape[1])
    for theirs in (
        torch.from_numpy(A) @ torch.from_numpy(B),
        tf.constant(A) @ tf.constant(B),
        keras.ops.matmul(A, B),
    ):
        assert np.all(np.abs(to_numpy(theirs) - A_64 @ B_64) <= bound)


@given(products())
def test_the_bound_is_the_formula(problem):
    A, B = (M.astype("float64") for M in problem)
    m = A.shape[1]
    for u in (U, 2.0**-5):
        gamma = 1 / (1 / (m * u) - 1)
        expected = gamma * np.einsum("im,mk->ik", np.abs(A), np.abs(B))
        assert np.allclose(formulas.product_bound(A, B, u), expected, rtol=1e-12)


def test_the_bound_is_nearly_reached_and_needs_enough_digits():
    # One summand, rounded by nearly half a unit in the last place.
    A, B = np.float32([[1 + 2**-12]]), np.float32([[1 + 2**-12 + 2**-23]])
    error = np.abs(A @ B - A.astype("float64") @ B.astype("float64"))
    bound = formulas.product_bound(A.astype("float64"), B.astype("float64"), U)
    assert 0.5 * bound < error <= bound

    A = np.ones((1, 4))
    assert np.allclose(formulas.product_bound(A, A.T, 2.0**-3), 4)
    with pytest.raises(ValueError, match="m \\* u < 1"):
        formulas.product_bound(A, A.T, 2.0**-2)


@given(*[st.floats(0.125, 100, width=32)] * 3, st.integers(0, 1000))
def test_run_time_adds_up(c, s, more, n):
    assert formulas.run_time(c, s, 0) == c
    steps = formulas.run_time(c, s, n + 1) - formulas.run_time(c, s, n)
    assert np.isclose(steps, s, atol=1e-8)
    later = formulas.run_time(c + more, s, n)
    assert np.isclose(later, formulas.run_time(c, s, n) + more)


@given(*[st.floats(0.125, 100, width=32)] * 4)
def test_break_even_is_where_the_times_meet(c, s, dearer, factor):
    shorter = s / (1 + factor)
    n = formulas.break_even(c, s, c + dearer, shorter)
    assert n > 0
    ours, theirs = (
        formulas.run_time(*way, n) for way in ((c, s), (c + dearer, shorter))
    )
    assert np.isclose(ours, theirs)
    assert formulas.break_even(c, s, c + dearer, s) == np.inf
    assert formulas.break_even(c, shorter, c + dearer, s) == np.inf


def test_there_are_enough_rows():
    assert len(ROWS) >= 60
    assert all(len(row) == 5 for _, row in ROWS)
    assert len({row[0] for _, row in ROWS}) == len(ROWS)


def inputs(seed):
    """Random inputs of the shapes that the page names."""
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(3, 3))
    floats = {
        "x": rng.permutation([0.5, -1.5, 2.0, 1.0]) * rng.choice([1, 0.75]),
        "y": rng.integers(2, size=4),
        "r": rng.normal(size=3),
        "b": rng.normal(size=2),
        "A": rng.normal(size=(2, 3)),
        "B": rng.normal(size=(3, 2)),
        "S": M @ M.T + np.eye(3),
        "z": rng.normal(size=(4, 3)),
        "img": rng.normal(size=(1, 4, 6, 2)),
        "K": rng.normal(size=(3, 3, 2, 5)),
    }
    k = {"k": rng.integers(3, size=4)}
    return {name: value.astype("float32") for name, value in floats.items()} | k


def surroundings(column, values):
    """The names that a column's code uses."""
    if column == 2:
        names = {"torch": torch, "F": F, "f": lambda v: (v**3).sum()}
        return names | {name: torch.tensor(value) for name, value in values.items()}
    if column == 3:
        names = {"tf": tf, "f": lambda v: tf.reduce_sum(v**3)}
        return names | {name: tf.constant(value) for name, value in values.items()}
    names = {"keras": keras, "ops": keras.ops, "np": np}
    convert = keras.ops.convert_to_tensor
    return names | {name: convert(value) for name, value in values.items()}


def test_every_row_says_the_same_in_pytorch():
    compare_rows(column=2)


def test_every_row_says_the_same_in_tensorflow():
    compare_rows(column=3)


def test_every_row_says_the_same_in_keras():
    compare_rows(column=4)


def compare_rows(column):
    """Evaluate each row in NumPy and in one framework; raise where they differ."""
    for seed in range(2):
        values = inputs(seed)
        with tempfile.TemporaryDirectory() as folder:
            ours = {"np": np, "path": f"{folder}/ours", **values}
            around = {"path": f"{folder}/theirs", **surroundings(column, values)}
            compare_with(column, ours, around)


def compare_with(column, ours, around):
    """Evaluate each row with given names."""
    for table, row in ROWS:
        if row[column] == "-":
            continue
        expected = to_numpy(TOOLS["evaluate"](row[1], ours))
        got = to_numpy(TOOLS["evaluate"](row[column], around))
        assert (got.shape, got.dtype.kind) == (expected.shape, expected.dtype.kind), row
        if table == "random":
            expected = to_numpy(TOOLS["evaluate"](row[column], around))
        np.testing.assert_allclose(
            got, expected, rtol=1e-4, atol=1e-5, err_msg=str(row)
        )
