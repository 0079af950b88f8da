"""Checks of the exercises of reference/the_articles_executed."""

import numpy as np

from threeways.checking import require, require_answer, require_parts
from threeways.parity import to_numpy

CLAIMS = {"softplus", "swish", "softsign", "log cosh", "arctan", "gauss"}
WRONG = {"swish", "arctan", "gauss"}


def wrong_claims(answer):
    """Compare each claim with the slopes of np.sum(f(a)), at points of both signs."""
    require(
        isinstance(answer, set | frozenset | list | tuple),
        f"expected a set of names, got {type(answer).__name__}",
    )
    answer = set(answer)
    require(
        answer <= CLAIMS, f"there is no claim named {sorted(answer - CLAIMS, key=str)}"
    )
    innocent, missed = sorted(answer - WRONG), sorted(WRONG - answer)
    require(not innocent, f"{innocent} is right; at which point did it differ?")
    require(
        not missed,
        f"{len(answer)} found, {len(missed)} missing; was zero the only point?",
    )
    return "right: a claim that holds at a few points may still be wrong at others."


def running_average(answer):
    """Letters: where does m_new stand? Then solve, and put the result back in."""
    literal, meant = require_parts(answer, 2, "a pair of functions")
    rng = np.random.default_rng(seed=0)
    for beta in (0.5, 0.9, 0.99):
        m, g = rng.normal(size=(2, 3))
        first = to_numpy(require_answer(literal(m, g, beta)))
        require(
            first.shape == g.shape and np.allclose(first, g),
            f"for beta = {beta}, the equation solved for m_new doesn't give "
            f"{first.round(3)}; put your m_new into both sides",
        )
        second = to_numpy(require_answer(meant(m, g, beta)))
        require(
            second.shape == g.shape and not np.allclose(second, g),
            "meant(m, g, beta) doesn't depend on the old average m",
        )
        require(
            np.allclose(second, beta * m + (1 - beta) * g),
            f"for beta = {beta}, m = {m.round(2)}, g = {g.round(2)}, expected "
            f"{(beta * m + (1 - beta) * g).round(3)} and got {second.round(3)}",
        )
    return "right: an unknown on both sides, and the memory was gone."


def attend(answer):
    """Letters finds one fault, a limit the other; the task's relation sees both."""
    rng = np.random.default_rng(seed=0)
    Q, K = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    V = np.ones((5, 1)) * np.array([1.0, -2.0])
    got = to_numpy(require_answer(answer(Q, K, V)))
    require(got.shape == (4, 2), f"expected shape (4, 2), got {got.shape}")
    require(
        np.allclose(got, V[:4]),
        "all rows of V are equal, and a mixture of them is another: "
        "the weights of a query don't add up to one",
    )
    V = rng.normal(size=(5, 2))
    for double in (False, True):  # every key twice: nothing may change
        keys, values = (np.tile(a, (2, 1)) if double else a for a in (K, V))
        A = np.exp(Q @ keys.T / np.sqrt(3))
        expected = A / A.sum(axis=1, keepdims=True) @ values
        require(
            np.allclose(to_numpy(answer(Q, keys, values)), expected),
            "the weights add up to one but aren't the right ones; "
            "should they change if each key and value is given twice?",
        )
    large = to_numpy(answer(1000 * Q, K, V))
    require(bool(np.all(np.isfinite(large))), "large scores overflow to nan")
    return "right: the features' number under the root, and rows that add up to one."


def judge(answer):
    """Compare with slopes; let the tolerance grow with the size of what you compare."""
    rng = np.random.default_rng(seed=0)
    A = rng.normal(size=(3, 3))
    w = rng.normal(size=(4, 2))

    def waves(theta):
        return float(np.sum(np.sin(theta) * np.arange(1, theta.size + 1)))

    def waves_gradient(theta):
        return np.cos(theta) * np.arange(1, theta.size + 1)

    def bowl(theta):
        return float(np.sum((A @ theta) ** 2))

    def bowl_gradient(theta):
        return 2 * A.T @ A @ theta

    def net(theta):
        return float(np.sum(np.tanh(theta @ w.T)))

    def net_gradient(theta):
        return (1 - np.tanh(theta @ w.T) ** 2) @ w

    def spoiled(theta):
        result = net_gradient(theta)
        result[-1, 0] += 0.05 * np.abs(result).max()
        return result

    def moved(theta):
        theta += 1
        return waves_gradient(theta)

    def minus(theta):
        return -np.ones_like(theta)

    def slanted(theta):
        return float(theta @ [1e6, 1, 1])

    def slanted_gradient(theta):
        return np.array([1e6, -1, 1])

    theta, square = rng.normal(size=3), rng.normal(size=(3, 2))
    large, small = 1e6, 1e-6
    cases = [
        (True, "a sum of sines", waves, waves_gradient, theta),
        (True, "a bowl", bowl, bowl_gradient, theta),
        (True, "a layer", net, net_gradient, square),
        (True, "a bowl times 1e6", *_scaled(bowl, bowl_gradient, large), theta),
        (True, "a bowl times 1e-6", *_scaled(bowl, bowl_gradient, small), theta),
        (False, "the wrong sign", bowl, lambda t: -bowl_gradient(t), theta),
        (False, "half the gradient", bowl, lambda t: A.T @ A @ t, theta),
        (False, "A for its transpose", bowl, lambda t: 2 * A @ A.T @ t, theta),
        (False, "the wrong shape", net, lambda t: net_gradient(t).T, square),
        (False, "a single number", waves, lambda t: waves_gradient(t).sum(), theta),
        (False, "a single wrong entry", net, spoiled, square),
        (False, "nan", waves, lambda t: np.full(t.shape, np.nan), theta),
        (
            False,
            "half the gradient of a bowl times 1e-6",
            _scaled(bowl, bowl_gradient, small)[0],
            _scaled(bowl, bowl_gradient, small / 2)[1],
            theta,
        ),
        (True, "1e9 plus a sum", lambda t: 1e9 + t.sum(), np.ones_like, theta),
        (False, "the wrong sign beside 1e9", lambda t: 1e9 + t.sum(), minus, theta),
        (False, "a small entry's wrong sign", slanted, slanted_gradient, theta),
        (False, "a gradient that moves its theta first", waves, moved, theta),
        (False, "a complex one", waves, lambda t: waves_gradient(t) + 1j, theta),
        (False, "a ragged list", waves, lambda t: [[1.0], [2.0, 3.0]], theta),
        (False, "a gradient that raises", waves, lambda t: t[99], theta),
    ]
    for expected, name, f, gradient, at in cases:
        before = at.copy()
        got = require_answer(answer(f, gradient, at))
        require(np.array_equal(at, before), "judge has changed theta; use a copy")
        require(
            bool(got) == expected,
            f"expected {expected} and got {got} for "
            + (f"the right gradient of {name}" if expected else name),
        )
    return f"right in all {len(cases)} cases, from 1e-6 to 1e9."


def _scaled(f, gradient, factor):
    """Return f and its gradient, both times a factor."""
    return lambda t: factor * f(t), lambda t: factor * gradient(t)


CHECKS = {
    "wrong_claims": wrong_claims,
    "running_average": running_average,
    "attend": attend,
    "judge": judge,
}
