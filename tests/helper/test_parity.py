"""agree and to_numpy, on what each framework hands over."""

import threeways  # before the frameworks: it silences TensorFlow

# isort: split
import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

VALUES = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize(
    "make",
    [
        np.array,
        list,
        tuple,
        torch.tensor,
        lambda v: torch.tensor(v, requires_grad=True),
        lambda v: torch.nn.Parameter(torch.tensor(v)),
        lambda v: torch.tensor(v).T.contiguous().T,
        lambda v: [torch.tensor(row, requires_grad=True) for row in v],
        tf.constant,
        tf.Variable,
        lambda v: [tf.Variable(row) for row in v],
        keras.Variable,
        keras.ops.convert_to_tensor,
        lambda v: [[keras.ops.convert_to_tensor(x) for x in row] for row in v],
    ],
)
def test_to_numpy_takes_anything_numeric(make):
    array = threeways.to_numpy(make(VALUES))
    assert type(array) is np.ndarray
    np.testing.assert_array_equal(array, VALUES)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "complex64"])
def test_to_numpy_keeps_the_dtype(dtype):
    array = np.array([0, 1]).astype(dtype)
    assert threeways.to_numpy(torch.tensor(array)).dtype == dtype
    assert threeways.to_numpy(tf.constant(array)).dtype == dtype
    assert threeways.to_numpy(array).dtype == dtype


def test_to_numpy_of_a_number_and_of_nothing():
    assert threeways.to_numpy(3.5).shape == ()
    assert threeways.to_numpy([]).shape == (0,)


@pytest.mark.parametrize("wrong", [None, "text", print, object(), ["a"], [None], {}])
def test_to_numpy_says_what_it_got(wrong):
    with pytest.raises(TypeError, match="expected numbers or a tensor, got"):
        threeways.to_numpy(wrong)


def test_agree_prints_one_line(capsys):
    threeways.agree("sum", np.ones((2, 3)), torch.ones(2, 3))
    assert capsys.readouterr().out == "✓ sum: shape (2, 3), equal within 1e-10\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "tol"),
    [
        (1.0, 1.0 + 0.9e-5, 1e-5),  # absolute around one
        (0.0, 0.9e-5, 1e-5),  # absolute below
        (1e6, 1e6 + 9, 1e-5),  # relative above
        ([], [], 1e-5),
    ],
)
def test_agree_within_tolerance(ours, theirs, tol):
    threeways.agree("numbers", ours, theirs, tol=tol)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (1.0, 1.0 + 1.1e-5),
        (0.0, 1.1e-5),
        (1e6, 1e6 + 11),
        ([1.0, 2.0], [2.0, 1.0]),
        (np.nan, 1.0),
        (1.0, np.nan),
        (np.nan, np.nan),
        (np.inf, np.inf),
        (np.inf, 1.0),
    ],
)
def test_agree_refuses(ours, theirs, capsys):
    with pytest.raises(AssertionError, match="differ by"):
        threeways.agree("numbers", ours, theirs, tol=1e-5)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1), ()])
def test_agree_never_broadcasts(shape):
    ours = np.ones((3, 3))
    with pytest.raises(ValueError, match="shapes differ"):
        threeways.agree("numbers", ours, np.ones(shape))
