"""Checks of the exercises of foundations/logistic_regression."""

import numpy as np

from threeways.checking import require, require_answer, require_result
from threeways.parity import to_numpy


def after(answer):
    """Multiply the odds p / (1 - p) by the ratio, then solve for the probability."""
    for p, ratio, expected in [(0.5, 3.0, 0.75), (0.2, 4.0, 0.5), (0.9, 0.5, 9 / 11)]:
        got = float(to_numpy(require_answer(answer(p, ratio))))
        require(
            abs(got - ratio * p) > 1e-9,
            f"for p = {p} and the ratio {ratio:g} you return {got:.2f}: that is the "
            "probability times the ratio; multiply the odds p / (1 - p) instead",
        )
        require(
            abs(got - expected) < 1e-9,
            f"for p = {p} and the ratio {ratio:g}, expected {expected:.3f} "
            f"and got {got:.3f}",
        )
    p = np.array([0.01, 0.5])
    got = to_numpy(require_answer(answer(p, 2.0)))
    require(
        got.shape == p.shape and np.allclose(got, 2 * p / (1 + p)),
        f"for the array {p} and the ratio 2, expected {2 * p / (1 + p)}, got {got}",
    )
    return "right: the same odds ratio moves small, middling and large p differently."


def move(answer):
    """Add the log-odds of the new share, and subtract those of the old one."""
    z = np.array([-2.0, 0.0, 3.0])
    got = to_numpy(require_answer(answer(z, 0.3, 0.3)))
    require(got.shape == z.shape, f"expected shape {z.shape}, got {got.shape}")
    require(np.allclose(got, z), "where the share stays the same, so do the logits")
    got = to_numpy(answer(z, 0.4, 0.1))
    expected = z + np.log(0.1 / 0.9) - np.log(0.4 / 0.6)
    require(
        bool(np.all(got < z)),
        f"for old = 0.4 and new = 0.1 the logits {z} became {got.round(2)}: where "
        "class 1 is rarer, they must fall",
    )
    require(
        np.allclose(got, expected),
        f"for old = 0.4 and new = 0.1 expected {expected.round(3)} and got "
        f"{got.round(3)}; the odds are share / (1 - share)",
    )
    return "right: a new base rate moves the bias and nothing else."


def newton_step(answer):
    """Take gradient(X, y, w, 0.0) and hessian(X, w), and solve H step = gradient."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed=0)
    features = rng.normal(size=(60, 2))
    X = np.column_stack([features, np.ones(60)])
    y = (features[:, 0] + rng.logistic(size=60) > 0.5).astype(float)
    w = np.array([0.3, -0.2, 0.1])
    p = 1 / (1 + np.exp(-X @ w))
    slope = X.T @ (p - y)
    step = np.linalg.solve(X.T * (p * (1 - p)) @ X, slope)
    got = to_numpy(require_answer(answer(X, y, w)))
    require(got.shape == w.shape, f"expected shape {w.shape}, got {got.shape}")
    require(not np.allclose(got, w + step), "your step goes uphill: subtract it")
    require(
        not np.allclose(got, w - slope / 60),
        "that is a step of gradient descent; the gradient has to pass through H",
    )
    require(
        np.allclose(got, w - step),
        f"from {w} expected {(w - step).round(4)}, got {got.round(4)}",
    )
    w = np.zeros(3)
    for _ in range(8):
        w = to_numpy(answer(X, y, w))
    sk = LogisticRegression(C=np.inf, tol=1e-10).fit(features, y)
    off = np.abs(w - [*sk.coef_[0], sk.intercept_[0]]).max()
    require(
        off < 1e-4,
        f"8 steps from zero end {off:.2g} from scikit-learn's unpenalised solution",
    )
    return "right: a few such steps lead to scikit-learn's unpenalised solution."


def penalised(answer):
    """Add the penalty on the weights, and train until the loss stands still."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    table = load_breast_cancer()
    X_train, X_test, y_train, _ = train_test_split(
        table.data,
        table.target == 0,
        test_size=0.25,
        random_state=0,
        stratify=table.target == 0,
    )
    mean, std = X_train.mean(axis=0), X_train.std(axis=0)
    model = LogisticRegression(solver="newton-cholesky", tol=1e-8)
    model.fit((X_train - mean) / std, y_train)
    expected = model.predict_proba((X_test - mean) / std)[:, 1]
    # A function that gives the probabilities is as good as they are.
    p = to_numpy(require_result(answer))
    require(
        p.shape == expected.shape,
        f"expected probabilities of shape {expected.shape}, got {p.shape}",
    )
    require(
        0 <= p.min() and p.max() <= 1,
        f"your values run from {p.min():.1f} to {p.max():.1f}: these are logits; "
        "probabilities are wanted",
    )
    off = np.sqrt(np.mean((p - expected) ** 2))
    require(
        off < 0.01,
        f"your probabilities are {off:.3f} (root mean square) from scikit-learn's, "
        "expected less than 0.01: more steps, or another factor before the penalty",
    )
    return "right: within 0.01 of scikit-learn's probabilities, found step by step."


CHECKS = {
    "after": after,
    "move": move,
    "newton_step": newton_step,
    "penalised": penalised,
}
