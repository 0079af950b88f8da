"""Checks of the exercises of foundations/what_is_deep_learning."""

import numpy as np

from threeways.checking import require, require_answer, require_parts, require_result
from threeways.parity import to_numpy


def parameters(answer):
    """From d to m units: d * m weights and m biases; add that up over the layers."""
    for sizes, expected in [
        ((1, 16, 1), 49),
        ((5, 1), 6),
        ((64, 64, 10), 4810),
        ((3, 4, 4, 2), 46),
    ]:
        got = require_answer(answer(sizes))
        require(
            got == expected,
            f"for the sizes {sizes}, expected {expected} and got {got}",
        )
    return "right: most of them are weights, and they grow with the product of widths."


def xor(answer):
    """The answers are the absolute value of x1 - x2."""
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
    y_hat = _network(corners, answer, inputs=2, units=2)[:, 0]
    for corner, said, expected in zip(corners, y_hat, (0, 1, 1, 0), strict=True):
        require(
            abs(said - expected) < 1e-6,
            f"for the inputs {tuple(corner.astype(int).tolist())} your network says "
            f"{said:g}, expected {expected}",
        )
    return "right: the hidden layer makes features on which a linear model suffices."


def feature(answer):
    """What do the points within a circle have in common? Think of Pythagoras."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed=0)
    points = rng.uniform(-1, 1, size=(2000, 2))
    marks = (np.hypot(*points.T) < 0.8).astype(int)
    made = to_numpy(require_answer(answer(points)))
    require(
        made.shape == (2000, 1),
        f"for points of shape (2000, 2), expected shape (2000, 1), got {made.shape}",
    )
    # Only the order of a single feature matters much; bring it to a common scale.
    made = (made - made[:1000].mean()) / max(made[:1000].std(), 1e-12)
    model = LogisticRegression(C=1000).fit(made[:1000], marks[:1000])
    score = model.score(made[1000:], marks[1000:])
    require(
        score > 0.97,
        f"with your feature, {score:.0%} of new points are marked right; "
        "expected more than 97 %",
    )
    return "right: with the right feature, the line is enough."


def wave(answer):
    """Replace the squares by np.sin(2 * np.pi * x_train), and train for longer."""
    x = np.linspace(0, 1, 1001)[:, None]
    y_hat = to_numpy(require_result(answer))
    require(
        y_hat.shape == x.shape,
        f"expected predictions of shape {x.shape}, got {y_hat.shape}",
    )
    rmse = np.sqrt(np.mean((y_hat - np.sin(2 * np.pi * x)) ** 2))
    require(
        rmse < 0.15,
        f"your typical error is {rmse:.2f}, expected less than 0.15; "
        "more passes help, or another start",
    )
    return "right: the same sixteen bends, in other places."


def _network(X, answer, inputs, units):
    """Return what a hidden ReLU layer with the given parameters says about X."""
    answer = require_result(answer)
    parts = require_parts(answer, 4, "four arrays W1, b1, W2, b2")
    arrays = [to_numpy(part) for part in parts]
    shapes = [(inputs, units), (units,), (units, 1), (1,)]
    names = ("W1", "b1", "W2", "b2")
    for name, array, shape in zip(names, arrays, shapes, strict=True):
        require(
            array.shape == shape,
            f"expected {name} of shape {shape}, got {array.shape}",
        )
    W1, b1, W2, b2 = arrays
    return np.maximum(X @ W1 + b1, 0) @ W2 + b2


CHECKS = {
    "parameters": parameters,
    "xor": xor,
    "feature": feature,
    "wave": wave,
}
