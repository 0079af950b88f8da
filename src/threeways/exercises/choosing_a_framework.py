"""Checks of the exercises of practice/choosing_a_framework."""

import importlib

import numpy as np
from sklearn.datasets import load_digits

from threeways.checking import require, require_answer
from threeways.parity import to_numpy


def standardise(answer):
    """Mind what your framework's standard deviation divides by."""
    X = load_digits().data[:50, 18:22]
    expected = (X - X.mean(axis=0)) / X.std(axis=0)
    got = to_numpy(require_answer(answer(X.copy())))
    require(
        got.shape == X.shape, f"the shape should stay {X.shape}, it became {got.shape}"
    )
    by_less = expected * np.sqrt(1 - 1 / len(X))
    require(
        not np.allclose(got, by_less, atol=1e-4),
        "that divides by n - 1, PyTorch's default; NumPy's, and this exercise's, is n",
    )
    overall = (X - X.mean()) / X.std()
    require(
        not np.allclose(got, overall, atol=1e-4),
        "that is one mean and one spread for the whole table; take them by column",
    )
    require(
        np.allclose(got, expected, atol=1e-4),
        f"the first row should be {expected[0].round(3)}, got {got[0].round(3)}",
    )
    return "right: each column has mean 0 and standard deviation 1."


def kernel_after_flatten(answer):
    """Reshape to (out, C, h, w) first; then move the axes, then flatten again."""
    rng = np.random.default_rng(seed=0)
    out, C, h, w = 3, 2, 4, 5
    weight, picture = rng.normal(size=(out, C * h * w)), rng.normal(size=(C, h, w))
    kernel = to_numpy(require_answer(answer(weight, C, h, w)))
    require(
        kernel.shape == (h * w * C, out),
        f"the kernel should have the shape {(h * w * C, out)}, got {kernel.shape}",
    )
    require(
        not np.array_equal(kernel, weight.T),
        "transposing alone leaves the inputs in the order (C, h, w)",
    )
    ours = picture.transpose(1, 2, 0).ravel() @ kernel
    theirs = weight @ picture.ravel()
    require(
        np.allclose(ours, theirs),
        f"for a random picture it should give {theirs.round(2)}, got {ours.round(2)}",
    )
    return "right: the same picture in either layout gives the same result."


def row(answer):
    """All four have a function called roll; one of them insists on an axis."""
    names = ("NumPy", "PyTorch", "TensorFlow", "Keras")
    require(
        isinstance(answer, dict) and sorted(answer) == sorted(names),
        f"give a dictionary with the keys {', '.join(names)}",
    )
    for name in names:
        require_answer(answer[name])
    x = np.array([0.5, -1.5, 2.0, 1.0], dtype="float32")
    for name, around in _installed(x):
        got = to_numpy(eval(answer[name], around))
        require(
            got.shape == x.shape and np.allclose(got, np.roll(x, 1)),
            f"{name} should give {np.roll(x, 1)}, got {got}",
        )
    return "right, wherever it could be run."


def _installed(x):
    """Iterate over the frameworks that are here: name, and the names of the tables."""
    yield "NumPy", {"np": np, "x": x}
    if torch := _module("torch"):
        names = {"torch": torch, "F": torch.nn.functional}
        yield "PyTorch", names | {"x": torch.tensor(x)}
    if tf := _module("tensorflow"):
        yield "TensorFlow", {"tf": tf, "x": tf.constant(x)}
    if keras := _module("keras"):
        names = {"keras": keras, "ops": keras.ops}
        yield "Keras", names | {"x": keras.ops.convert_to_tensor(x)}


def _module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


CHECKS = {
    "standardise": standardise,
    "kernel_after_flatten": kernel_after_flatten,
    "row": row,
}
