"""Checks of the exercises of foundations/multilayer_perceptron."""

import numpy as np

from threeways.checking import require, require_answer, require_parts, require_result
from threeways.parity import to_numpy


def maximum(answer):
    """It is x2 plus one ReLU; x2 itself, maybe negative, must pass the ReLUs, too."""
    answer = require_result(answer)
    require(
        isinstance(answer, tuple | list)
        and [len(layer) for layer in answer if isinstance(layer, tuple | list)]
        == [2, 2],
        "expected two layers, [(W1, b1), (W2, b2)]",
    )
    (W1, b1), (W2, b2) = (
        tuple(to_numpy(require_answer(part)) for part in layer) for layer in answer
    )
    units = b1.size
    require(
        (W1.shape, b1.shape) == ((2, units), (units,)),
        f"expected W1 (2, units) and b1 (units,), got {W1.shape} and {b1.shape}",
    )
    require(
        (W2.shape, b2.shape) == ((units, 1), (1,)),
        f"expected W2 ({units}, 1) and b2 (1,), got {W2.shape} and {b2.shape}",
    )
    X = np.random.default_rng(seed=0).normal(scale=3, size=(200, 2))
    X = np.concatenate([[[2.0, 1.0], [1.0, 2.0], [-1.0, -2.0], [-2.0, -1.0]], X])
    got = (np.maximum(0, X @ W1 + b1) @ W2 + b2)[:, 0]
    wrong = np.flatnonzero(~(np.abs(got - X.max(axis=1)) < 1e-9))
    if len(wrong):
        x = X[wrong[0]].round(2)
        require(
            False,
            f"for x = ({x[0]:g}, {x[1]:g}) the network gives {got[wrong[0]]:.2f}, "
            f"expected {x.max():g}",
        )
    return f"right, with {units} hidden units: a hidden layer can compare."


def leaky_variance(answer):
    """As for ReLU, ask how much of z's mean square is left on each side of zero."""
    for d_in in (50, 200):
        for slope, case in [
            (0.0, "slope 0 is ReLU, so He's 2 / d_in"),
            (1.0, "slope 1 is no bend, so 1 / d_in"),
            (0.2, "the mean of the squared activations is (1 + slope²) / 2"),
        ]:
            got = float(to_numpy(require_answer(answer(d_in, slope))))
            expected = 2 / (d_in + d_in * slope**2)
            require(
                abs(got - np.sqrt(expected)) > 1e-9 or got == expected,
                "that is the standard deviation; the variance is its square",
            )
            require(
                abs(got - expected) < 1e-9,
                f"for d_in = {d_in} and slope = {slope:g}, expected {expected:.5f} "
                f"and got {got:.5f}; {case}",
            )
    return (
        "right: PyTorch's gain for a leaky ReLU is √(2 / (1 + slope²)), the weights' "
        "standard deviation gain / √d_in."
    )


def shortcut_backward(answer):
    """Two ways lead back to A: straight through the shortcut, and through the layer."""
    rng = np.random.default_rng(seed=0)
    A, W, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 3)), rng.normal(size=3)
    grad_out = rng.normal(size=(5, 3))

    def loss(A, W, b):
        return np.sum(grad_out * (A + np.tanh(A @ W + b)))

    got = answer(grad_out, A, W, b, lambda z: 1 - np.tanh(z) ** 2)
    got = require_parts(got, 3, "three arrays, grad_A, grad_W and grad_b")
    values, step = [A, W, b], 1e-6
    for place, name in enumerate(("grad_A", "grad_W", "grad_b")):
        theirs = to_numpy(got[place])
        shape = values[place].shape
        require(theirs.shape == shape, f"expected {name} {shape}, got {theirs.shape}")
        expected = np.empty(shape)
        for index in np.ndindex(shape):
            up, down = ([v.copy() for v in values] for _ in range(2))
            up[place][index] += step
            down[place][index] -= step
            expected[index] = (loss(*up) - loss(*down)) / (2 * step)
        off = np.abs(theirs - expected).max()
        require(
            off < 1e-6,
            f"{name} is off by up to {off:.2g} from small differences of the loss",
        )
    return "right: the shortcut adds grad_out itself, whatever the bend does."


def digits(answer):
    """Train on images moved by a pixel as well, or try more units and epochs."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    y = load_digits().target
    _, y_test = train_test_split(y, test_size=0.25, random_state=0)
    predicted = to_numpy(require_result(answer))
    require(
        predicted.shape == y_test.shape,
        f"expected one digit for each image, shape {y_test.shape}, "
        f"got {predicted.shape}; take the argmax over the ten logits",
    )
    mistakes = int(np.sum(predicted != y_test))
    require(mistakes <= 10, f"{mistakes} mistakes of 450; expected at most 10")
    return "right: fewer mistakes than the chapter's own network makes."


CHECKS = {
    "maximum": maximum,
    "leaky_variance": leaky_variance,
    "shortcut_backward": shortcut_backward,
    "digits": digits,
}
