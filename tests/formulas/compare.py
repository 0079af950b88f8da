"""Random problems, and how close two results have to be."""

import keras
import numpy as np
import record
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from threeways import to_numpy

# Rounding in float64 is at most 2.2e-16 of each term. Our sums have under a hundred
# terms, so 1e-12 of their size leaves a factor of fifty; no wrong formula comes close.
TOLERANCE = 1e-12


def same(ours, theirs, size=1.0, tolerance=TOLERANCE):
    """Assert equal shapes, and values equal within tolerance times ``size``.

    ``size`` is how large the summed terms are, not their sum: where large terms cancel,
    two correct programs differ by rounding of the terms.
    """
    ours, theirs = to_numpy(ours), to_numpy(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype == np.float64
    error = np.abs(ours - theirs) / np.maximum(size, 1e-30)
    record.closeness(float(np.max(error, initial=0.0)))
    np.testing.assert_array_less(error, tolerance)


def matrices():
    """Tables of 1 to 12 rows and 1 to 6 columns of moderate numbers, zeros included."""
    shapes = st.tuples(st.integers(1, 12), st.integers(1, 6))
    return shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=numbers()))


def numbers(bound=100.0):
    """Floats of moderate size, without the denormal ones: those lose digits early."""
    return st.floats(-bound, bound, allow_subnormal=False, width=32)


def vectors(length, bound=100.0):
    """Vectors (length,) of moderate numbers."""
    return arrays(np.float64, length, elements=numbers(bound))


@st.composite
def regressions(draw):
    """A table X (n, d), targets y (n,), weights w (d,) and a bias b: anything goes."""
    X = draw(matrices())
    n, d = X.shape
    return X, draw(vectors(n)), draw(vectors(d)), draw(numbers())


@st.composite
def solvable_regressions(draw):
    """A table X (n, d) with independent, centred columns well apart, and y (n,).

    Least squares has one solution then, and rounding grows with the square of the
    condition number, which stays under a hundred here.
    """
    d = draw(st.integers(1, 5))
    n = draw(st.integers(d + 3, d + 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Orthonormal columns, centred, then mixed by a matrix that is far from singular.
    Q, _ = np.linalg.qr(np.column_stack([np.ones(n), rng.normal(size=(n, d))]))
    mix = np.eye(d) + 0.5 * rng.uniform(-1, 1, size=(d, d)) / d
    scale = rng.uniform(0.5, 5, size=d)
    X = Q[:, 1:] @ mix * scale * np.sqrt(n) + rng.normal(scale=5, size=d)
    return X, rng.normal(scale=3, size=n) + rng.normal(scale=10)


def keras_linear(eta, w, *b):
    """One linear unit in float64 with weights w (d,), ready for SGD on the MSE.

    With a bias b if one is given. One step with eta = 1 subtracts the gradient, which
    is how Keras shows it on every backend.
    """
    layer = keras.layers.Dense(1, use_bias=bool(b), dtype="float64")
    model = keras.Sequential([keras.Input((len(w),), dtype="float64"), layer])
    model.set_weights([w[:, None], *map(np.atleast_1d, b)])
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=eta),
        loss=keras.losses.MeanSquaredError(dtype="float64"),
        run_eagerly=True,  # compiling takes longer than a few small steps
    )
    return model
