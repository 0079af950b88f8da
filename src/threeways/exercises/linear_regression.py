"""Checks of the exercises of foundations/linear_regression."""

import numpy as np

from threeways.checking import require, require_answer, require_parts
from threeways.parity import to_numpy


def r_squared(answer):
    """Return 1 minus (squared residuals) / (squared distances to the mean of y)."""
    rng = np.random.default_rng(seed=0)
    y = rng.normal(loc=3, size=8)
    cases = {
        "a perfect prediction": (y, 1.0),
        "the mean of y for everybody": (np.full(8, y.mean()), 0.0),
        "twice as far from the mean on the other side": (2 * y.mean() - y, -3.0),
    }
    for case, (y_hat, expected) in cases.items():
        got = float(to_numpy(require_answer(answer(y, y_hat))))
        require(
            abs(got - expected) < 1e-9,
            f"for {case}, expected {expected:.2f} and got {got:.2f}",
        )
    return "right, and it can be negative: nothing keeps a bad model above zero."


def original_units(answer):
    """Put z = (x - mean) / std into w·z + b and collect what multiplies x."""
    rng = np.random.default_rng(seed=0)
    X = rng.normal(loc=5, scale=[1, 10, 100], size=(7, 3))
    mean, std, w, b = X.mean(axis=0), X.std(axis=0), rng.normal(size=3), 0.7
    w_x, b_x = _weights_and_bias(answer(w, b, mean, std), features=3)
    worst = np.abs(X @ w_x + b_x - ((X - mean) / std @ w + b)).max()
    require(
        worst < 1e-8,
        f"the two predictions differ by up to {worst:.2g}; "
        "divide the weights by std, and don't forget what the means add up to",
    )
    return "right: same predictions, and weights in points per unit."


def ridge(answer):
    """Add lam to the diagonal of the centred normal equations."""
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(seed=0)
    X, y = rng.normal(loc=2, size=(12, 4)), rng.normal(loc=9, size=12)
    for lam in (0.0, 0.5, 50.0):
        w, b = _weights_and_bias(answer(X, y, lam), features=4)
        # lam = 0 is plain least squares: a hair above it spares a warning.
        expected = Ridge(alpha=max(lam, 1e-12)).fit(X, y)
        off = max(np.abs(w - expected.coef_).max(), abs(b - expected.intercept_))
        require(
            off < 1e-6,
            f"for lam = {lam:g} the parameters are off by up to {off:.2g}; "
            "is the bias left out of the price, and the table centred?",
        )
    return "right, and equal to scikit-learn's Ridge: small weights, free bias."


def parabola(answer):
    """Give least_squares the columns x and x**2; the bias is there already."""
    y_hat = to_numpy(answer)
    require(
        y_hat.shape == (60,), f"expected predictions of shape (60,), got {y_hat.shape}"
    )
    x = np.linspace(-2, 2, 60)
    noise = np.random.default_rng(seed=5).normal(scale=0.3, size=60)
    y = 1.5 * x**2 - x + 0.5 + noise
    best = np.polyval(np.polyfit(x, y, deg=2), x)
    reached, possible = np.mean((y_hat - y) ** 2), np.mean((best - y) ** 2)
    require(
        reached > 0.5 * possible,
        f"your MSE is {reached:.3f} and the noise alone gives {possible:.3f}: "
        "the predictions follow the noise; use fewer features",
    )
    require(
        reached < 1.2 * possible,
        f"your MSE is {reached:.3f}; a parabola reaches {possible:.3f}",
    )
    return "right: curved in x, linear in the weights."


def minibatch(answer):
    """Loop over epochs, and in each over shuffled batches of, say, 32 patients."""
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import train_test_split

    X, y = load_diabetes(return_X_y=True, scaled=False)
    X_train, X_test, y_train, _ = train_test_split(X, y, test_size=0.25, random_state=0)
    A, A_test = (np.column_stack([Z, np.ones(len(Z))]) for Z in (X_train, X_test))
    exact = A_test @ np.linalg.lstsq(A, y_train, rcond=None)[0]
    y_hat = to_numpy(answer)
    require(
        y_hat.shape == exact.shape,
        f"expected predictions of shape {exact.shape}, got {y_hat.shape}",
    )
    off = np.sqrt(np.mean((y_hat - exact) ** 2))
    require(
        off < 6,
        f"your predictions are {off:.1f} points (RMS) from the exact solution's; "
        "expected less than 6: more epochs, or a smaller learning rate",
    )
    return "right: within 6 points of the exact solution's predictions."


def _weights_and_bias(answer, features):
    """Return (w, b) as arrays, or say what shape was expected."""
    w, b = map(to_numpy, require_parts(answer, 2, "the pair (weights, bias)"))
    require(w.shape == (features,), f"expected w ({features},), got {w.shape}")
    require(b.shape == (), f"expected the bias to be one number, got shape {b.shape}")
    return w, float(b)


CHECKS = {
    "r_squared": r_squared,
    "original_units": original_units,
    "ridge": ridge,
    "parabola": parabola,
    "minibatch": minibatch,
}
