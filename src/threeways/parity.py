"""Compare results across NumPy, PyTorch, TensorFlow and Keras."""

import numpy as np


def to_numpy(x):
    """Return ``x`` as a NumPy array, whichever library made it.

    Parameters
    ----------
    x : array_like, torch.Tensor, tf.Tensor, tf.Variable or keras.Variable
        On any device, tracked by autodiff or not. A sequence of such things is
        stacked along a new first axis.

    Returns
    -------
    numpy.ndarray
        Same shape and dtype. It may share memory with ``x``.

    Raises
    ------
    TypeError
        If ``x`` is not numeric (``None``, a string, a function, ...).
    """
    if isinstance(x, (list, tuple)):
        return np.stack([to_numpy(item) for item in x]) if x else np.array([])
    if hasattr(x, "detach"):  # a torch.Tensor
        x = x.detach().cpu()
    elif hasattr(x, "value") and hasattr(x, "assign"):  # a variable of TF or Keras
        x = x.value() if callable(x.value) else x.value
        return to_numpy(x)
    array = np.asarray(x)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"expected numbers or a tensor, got {type(x).__name__}: {str(x)[:60]!r}"
        )
    return array


def agree(what, ours, theirs, tol=1e-10):
    """Assert that two results are equal up to rounding, and say so in one line.

    The results agree when ``max|ours - theirs| <= tol * max(1, max|theirs|)``: absolute
    for small numbers, relative for large ones.

    Parameters
    ----------
    what : str
        What is compared, for the line that is printed.
    ours, theirs : anything :func:`to_numpy` accepts
        Equal shapes: nothing is broadcast, since that is how wrong shapes hide.
    tol : float
        About ``1e-10`` for float64 and ``1e-5`` for float32 after a few operations.

    Raises
    ------
    ValueError
        If the shapes differ.
    AssertionError
        If the values differ by more than the tolerance, or one of them is not finite.
    """
    ours, theirs = to_numpy(ours), to_numpy(theirs)
    if ours.shape != theirs.shape:
        raise ValueError(
            f"{what}: shapes differ, {ours.shape} against {theirs.shape}; "
            "reshape one of them so that they match exactly"
        )
    scale = max(1.0, np.abs(theirs).max(initial=0.0))
    with np.errstate(invalid="ignore"):  # inf - inf is nan, and that fails below
        difference = np.abs(ours - theirs).max(initial=0.0)
    # Written so that a nan fails too: every comparison with nan is False.
    if not difference <= tol * scale:
        raise AssertionError(
            f"{what}: the results differ by {difference:.3g}, "
            f"more than {tol:g} times their scale {scale:.3g}"
        )
    print(f"✓ {what}: shape {ours.shape}, equal within {tol:g}")
