"""Checks of the exercises of foundations/graphs_and_autodiff."""

import numpy as np

from threeways.checking import require, require_answer, require_parts
from threeways.parity import to_numpy


def sine(answer):
    """Call node with np.sin(value(a)); its rule needs a cosine: a new operation."""
    x, g = np.array([[0.3, -1.2], [2.0, 4.0]]), np.array([[1.0, -2.0], [0.5, 3.0]])
    leaf = {"value": x, "parents": []}
    out = require_answer(answer(leaf))
    _require_node(out, "sine(a)")
    require(
        _value(out).shape == x.shape and np.allclose(_value(out), np.sin(x)),
        f"for {x[0]} the first values should be {np.sin(x[0]).round(3)}, "
        f"got {_value(out).ravel()[:2].round(3)}",
    )
    got = _pull(out, leaf, g)
    require(
        np.shape(got) == x.shape and np.allclose(got, g * np.cos(x)),
        "the value is right; the rule should turn g into g * cos(a), and it doesn't",
    )
    require(len(out["parents"]) == 1, "one parent, one rule: sine has one argument")
    slope = out["parents"][0][1](np.ones_like(x))
    again = _pull(slope, leaf, g) if isinstance(slope, dict) else None
    require(
        again is not None and np.allclose(again, -g * np.sin(x)),
        "value and gradient are right, the second derivative isn't: write the rule "
        "with multiply and a cosine that is an operation, too",
    )
    return "right, and it can be differentiated as often as you like."


def gradient_error(answer):
    """Take central_difference along each row of np.eye(d), with a step near 1e-5."""
    rng = np.random.default_rng(seed=0)
    a, x = rng.normal(size=6), rng.normal(size=6)

    def f(x):
        return np.sum(a * np.sin(x)) + x[0] * x[1]

    def gradient(x):
        g = a * np.cos(x)
        g[:2] += x[1], x[0]
        return g

    def wrong(x):
        g = gradient(x)
        g[4] += 0.01 * np.abs(g).max()
        return g

    for scale in (1.0, 1e6):
        for what, claim, low, high in [
            ("a right gradient", gradient, 0.0, 1e-6),
            ("a gradient wrong by 1 % of the largest slope", wrong, 0.0099, 0.0101),
        ]:
            got = answer(
                lambda x, s=scale: s * f(x), lambda x, s=scale, g=claim: s * g(x), x
            )
            got = float(to_numpy(require_answer(got)))
            require(
                low <= got <= high,
                f"for {what} of a function of size {scale:g}, expected "
                f"{low:g} to {high:g} and got {got:.2g}",
            )
    return "right: this is the test that every hand-written gradient deserves."


def traces(answer):
    """Count the different calls; of a tensor, leave the value out of account."""
    a, b = ("tensor", (2,), "float32", 1.5), ("tensor", (2,), "float32", 7.0)
    for what, calls, expected in [
        ("one tensor twice", [a, a], 1),
        ("two values of one shape and dtype", [a, b, a], 1),
        ("two shapes", [a, ("tensor", (3,), "float32", 1.5), b], 2),
        ("two dtypes", [a, ("tensor", (2,), "int32", 1), a], 2),
        ("Python numbers 1 to 5", [("python", n) for n in (1, 2, 3, 4, 5)], 5),
        ("a Python number twice", [("python", 3), a, ("python", 3)], 2),
    ]:
        got = require_answer(answer(calls))
        require(
            int(got) == got == expected,
            f"for {what}, expected {expected} and got {got}",
        )
    return "right: shape and dtype of a tensor count, and a Python number's value."


def straight_through(answer):
    """Add to x what rounding changes, and stop the gradient at that change."""
    x = np.array([0.2, 0.7, -1.4, 2.6])
    parts = require_parts(answer(x), 2, "the pair (rounded numbers, gradient)")
    rounded, gradient = map(to_numpy, parts)
    require(
        rounded.shape == x.shape and np.allclose(rounded, np.round(x)),
        f"for {x} the numbers should be {np.round(x)}, got {rounded}",
    )
    require(
        gradient.shape == x.shape and np.allclose(gradient, 1),
        f"the numbers are right; the gradient should be all ones, got {gradient}",
    )
    return "right: rounded forwards, straight through backwards."


def largest_curvature(answer):
    """In a loop: v = product(v), then divide v by its length."""
    for d, top in [(3, 8.0), (20, 0.5), (5, -2.0)]:
        rng = np.random.default_rng(seed=d)
        Q, _ = np.linalg.qr(rng.normal(size=(d, d)))
        eigenvalues = np.append(rng.uniform(0.01, 0.7, size=d - 1), 1.0) * top
        H = Q * eigenvalues @ Q.T
        got = float(to_numpy(require_answer(answer(lambda v, H=H: H @ v, d))))
        require(
            abs(got - top) < 1e-3 * abs(top),
            f"for H ({d}, {d}), whose eigenvalue of largest absolute value is {top:g}, "
            f"got {got:.4g}",
        )
    return "right: the largest curvature, and no Hessian in sight."


def _require_node(out, what):
    require(
        isinstance(out, dict) and {"value", "parents"} <= set(out),
        f"{what} should be a node, got {type(out).__name__}; "
        "node(array, (a, rule)) makes one",
    )


def _value(x):
    """Return the array of a node of the chapter's machine, or of a plain array."""
    return np.asarray(x["value"] if isinstance(x, dict) else x, dtype=float)


def _pull(n, leaf, g):
    """Carry g from node n back to a leaf of the same shape, along every path."""
    if n is leaf:
        return _value(g)
    return sum(_pull(parent, leaf, rule(_value(g))) for parent, rule in n["parents"])


CHECKS = {
    "sine": sine,
    "gradient_error": gradient_error,
    "traces": traces,
    "straight_through": straight_through,
    "largest_curvature": largest_curvature,
}
