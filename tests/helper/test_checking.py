"""The checks of the exercises: stubs, wrong answers, right answers, wrong names."""

import importlib
import pkgutil
import re

import numpy as np
import pytest

import threeways
from threeways import exercises
from threeways.checking import exercise_names
from tools.notebooks import code_cells, find, read, tags

CHAPTERS = [module.name for module in pkgutil.iter_modules(exercises.__path__)]
NAMES = [name for chapter in CHAPTERS for name in exercise_names(chapter)]
STUBS = [c.source for p in find() for c in code_cells(read(p)) if "exercise" in tags(c)]
WANT_FUNCTIONS = {
    name
    for stub in STUBS
    if "def " in stub
    for name in re.findall(r'threeways\.check\(\s*"([\w.]+)"', stub)
}


def verdict(capsys, name, answer):
    """Return what check prints, without the name of the exercise."""
    threeways.check(name, answer)
    text = capsys.readouterr().out
    assert text.endswith("\n")
    assert max(map(len, text.splitlines())) <= 80
    mark, _, rest = text[:-1].replace("\n ", "").partition(f" {name}: ")
    assert mark in ("✓", "✗")
    return mark, rest


@pytest.mark.parametrize("name", NAMES)
def test_stub_is_kind(name, capsys):
    """An empty stub gets a hint, whatever form it has."""

    def empty(*args, **kwargs):
        return None

    def dots(*args, **kwargs):
        return ...

    for stub in (None, ..., empty, dots):
        mark, rest = verdict(capsys, name, stub)
        assert mark == "✗"
        if not callable(stub) or name in WANT_FUNCTIONS:
            assert rest.startswith("not solved yet. ")
            assert len(rest) > 40


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "answer",
    [
        "text",
        42,
        np.zeros((2, 2)),
        (1, 2, 3),
        lambda: 1,
        lambda *args: "text",
        lambda *args: np.zeros((7, 7)),
        lambda *args: (np.zeros(7), np.zeros(7)),
        lambda *args: 1 / 0,
    ],
)
def test_nonsense_is_answered_and_never_raises(name, answer, capsys):
    mark, rest = verdict(capsys, name, answer)
    assert mark == "✗"
    assert rest


@pytest.mark.parametrize(
    "name", ["nowhere.x", "linear_regression.nothing", "", "x.y.z"]
)
def test_unknown_name_lists_the_known(name):
    with pytest.raises(ValueError, match="there are .*(linear_regression|r_squared)"):
        threeways.check(name, 1)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_check_is_documented(chapter):
    module = importlib.import_module(f"threeways.exercises.{chapter}")
    for judge in module.CHECKS.values():
        hint = judge.__doc__.splitlines()[0]
        assert hint.endswith(".")
        assert len(hint) > 20


def bare_mean(y, y_hat):
    return np.mean((y - y_hat) ** 2)


def forgets_the_means(w, b, mean, std):
    return w / std, b


def prices_the_bias(X, y, lam):
    A = np.column_stack([X, np.ones(len(X))])
    wb = np.linalg.solve(A.T @ A + lam * np.eye(A.shape[1]), A.T @ y)
    return wb[:-1], wb[-1]


def truth_without_noise():
    x = np.linspace(-2, 2, 60)
    return 1.5 * x**2 - x + 0.5


def follows_the_noise():
    x = np.linspace(-2, 2, 60)
    noise = np.random.default_rng(seed=5).normal(scale=0.3, size=60)
    return 1.5 * x**2 - x + 0.5 + noise


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("linear_regression.r_squared", bare_mean, "a perfect prediction, expected 1"),
        (
            "linear_regression.original_units",
            forgets_the_means,
            "what the means add up",
        ),
        ("linear_regression.ridge", prices_the_bias, "is the bias left out"),
        ("linear_regression.parabola", np.zeros(60), "a parabola reaches"),
        ("linear_regression.parabola", truth_without_noise(), "✓"),
        ("linear_regression.parabola", follows_the_noise(), "follow the noise"),
        ("linear_regression.parabola", np.zeros((60, 1)), "shape (60,), got (60, 1)"),
        ("linear_regression.minibatch", np.full(111, 152.0), "more epochs"),
        (
            "gradient_descent.updates",
            lambda n, b, e: n // b * e,
            "expected 32 and got 31",
        ),
        ("gradient_descent.updates", lambda n, b, e: n / b * e, "got 31.25"),
        (
            "gradient_descent.limit_with_bias",
            lambda X: len(X) / np.linalg.norm(X - X.mean(axis=0), ord=2) ** 2,
            "mean near 0",
        ),
        (
            "gradient_descent.backtracking_step",
            lambda loss, gradient, theta: theta - 0.01 * gradient(theta),
            "the first eta that passes",
        ),
        ("gradient_descent.schedule", lambda step: 0.01, "the best fixed rate"),
        ("gradient_descent.schedule", lambda step: 0.5 - step, "must be positive"),
        ("gradient_descent.repaired", (3.0, 2.5), "expected slope 3.0"),
        ("gradient_descent.repaired", 3.0, "the pair (slope, intercept)"),
    ],
)
def test_usual_mistakes_get_their_answer(name, answer, says, capsys):
    mark, rest = verdict(capsys, name, answer)
    assert says in f"{mark} {rest}"
    assert (mark == "✓") == (says == "✓")


def test_an_error_in_the_answer_is_named(capsys):
    mark, rest = verdict(capsys, "linear_regression.r_squared", lambda y, y_hat: 1 / 0)
    assert mark == "✗"
    assert rest == "your code raised ZeroDivisionError: division by zero"
