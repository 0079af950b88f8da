"""A wrong formula must turn a test red: every sign and every factor, one at a time."""

import ast
import copy
import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, settings

FORMULAS = Path(__file__).parents[1] / "formulas"
sys.path.insert(0, str(FORMULAS))  # as pytest does for the tests there

import chapter  # noqa: E402
import record  # noqa: E402

# A wrong formula may well divide by zero on its way to being caught.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SWAP = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
NAMES = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def operators(tree):
    """Return the operators in a chapter's functions that a slip could change."""
    return [
        (function.name, node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.BinOp)
        and type(node.op) in SWAP
        or isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
    ]


def slips():
    """One case for each test module and each operator of its chapter's formulas."""
    for path in sorted(FORMULAS.glob("test_*.py")):
        (name,) = [  # what the module loads: chapter.load("...")
            call.args[0].value
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "chapter.load"
        ]
        tree = ast.parse(chapter.source(name))
        for index, (function, node) in enumerate(operators(tree)):
            sign = NAMES.get(type(node.op), "-x")
            case = f"{path.stem}:{function}:{sign} in {ast.unparse(node)}"
            yield pytest.param(path, name, index, id=case)


@pytest.fixture(scope="module")
def load_tests():
    """Load a test module once more, apart from pytest's, and hurry its tests up."""
    loaded = {}

    def load(path):
        if path not in loaded:
            # Its conftest.py prepares the frameworks and hypothesis.
            for name in ("conftest", path.stem):
                spec = importlib.util.spec_from_file_location(
                    f"canary_{name}", path.with_name(f"{name}.py")
                )
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
            tests = [
                test for name, test in vars(module).items() if name.startswith("test_")
            ]
            for test in tests:
                if hasattr(test, "hypothesis"):
                    # The first counterexample will do; a small one isn't needed.
                    settings(phases=[Phase.generate], report_multiple_bugs=False)(test)
            loaded[path] = module.formulas, tests
        return loaded[path]

    return load


@pytest.mark.parametrize(("path", "name", "index"), list(slips()))
def test_slip_is_caught(path, name, index, load_tests):
    formulas, tests = load_tests(path)
    right = ast.parse(chapter.source(name))
    wrong = copy.deepcopy(right)
    function, node = operators(wrong)[index]
    node.op = ast.UAdd() if isinstance(node, ast.UnaryOp) else SWAP[type(node.op)]()
    # Those that bear the function's name first: one of them usually sees it.
    tests = sorted(tests, key=lambda test: function not in test.__name__)
    try:
        chapter.redefine(formulas, wrong)
        assert any(fails(test) for test in tests), (
            f"no test sees it: {ast.unparse(node)}"
        )
    finally:
        chapter.redefine(formulas, right)


@pytest.mark.parametrize(
    "path", sorted(FORMULAS.glob("test_*.py")), ids=lambda p: p.stem
)
def test_right_formulas_pass(path, load_tests):
    """Without a slip all of these tests pass, so the canaries above mean something."""
    _, tests = load_tests(path)
    assert not [test.__name__ for test in tests if fails(test)]


def fails(test):
    """True if a test fails: it compares wrongly, or its code can't even run."""
    try:
        test()
    except Exception:
        return True
    return False


FRESH = "a/b:\n  f: {against: [PyTorch, Keras], cases: 100, error: 1.0e-16}\n"


@pytest.mark.parametrize(
    ("file", "found"),
    [
        (FRESH, []),
        (FRESH.replace("1.0e-16", "3.0e-15"), []),  # it was larger elsewhere
        (FRESH.replace("100", "104"), []),
        ("{}", ["a/b: f is new"]),
        (FRESH + "  g: {against: [], cases: 1, error: 0.0e+00}\n", ["a/b: g is gone"]),
        (FRESH.replace("PyTorch, ", ""), ["a/b: f is tested against"]),
        (FRESH.replace("100", "50"), ["a/b: f is tested in 100 cases"]),
        (FRESH.replace("1.0e-16", "1.0e-20"), []),  # less than rounding is nothing
    ],
)
def test_stale_formula_index_is_seen(file, found):
    said = list(record.stale(file, FRESH))
    assert len(said) == len(found)
    assert all(line.startswith(start) for line, start in zip(said, found, strict=True))


def test_larger_error_is_seen():
    worse = FRESH.replace("1.0e-16", "1.0e-12")
    assert list(record.stale(FRESH, worse)) == ["a/b: f has an error of 1e-12"]
