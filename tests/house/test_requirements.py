"""What we use is pinned, and what that uses is locked."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.miniature import ROOT

OURS = {"threeways", "tools", "tests", "book"}


def requirements(name):
    """Return the packages a requirements file names, and what it asks of them."""
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in _lines(name))
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(one.name): one for one in found}


def _lines(name):
    return [line.strip() for line in (ROOT / name).read_text().splitlines()]


BOOK = requirements("book/requirements.txt")
EVERYTHING = BOOK | requirements("requirements.txt")
LOCKED = requirements("constraints.txt")


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_direct_requirement_is_pinned_and_locked_alike(name):
    assert re.fullmatch(r"==[\w.]+", str(EVERYTHING[name].specifier))
    assert EVERYTHING[name].specifier == LOCKED[name].specifier


def test_everything_includes_the_book_and_both_take_the_lock():
    assert "-r book/requirements.txt" in _lines("requirements.txt")
    assert "-c ../constraints.txt" in _lines("book/requirements.txt")


def test_building_the_book_needs_no_framework():
    assert not BOOK.keys() & {"torch", "tensorflow", "keras", "jupyterlab", "numpy"}


def test_every_package_that_our_code_imports_is_a_direct_requirement():
    distributions = importlib.metadata.packages_distributions()
    folders = ("src", "tools", "tests", "book/_ext")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    local = {path.stem for path in files} | OURS
    for path in files:
        for name in _imported(path) - sys.stdlib_module_names - local:
            providers = {canonicalize_name(one) for one in distributions[name]}
            assert providers & EVERYTHING.keys(), f"{path}: {name}"


def _imported(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_the_environment_holds_what_is_locked_and_nothing_else():
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("these tests run in another environment than `make` makes")
    for distribution in importlib.metadata.distributions():
        name = canonicalize_name(distribution.name)
        if name not in {"threeways", "pip"}:
            assert name in LOCKED
            assert LOCKED[name].specifier.contains(distribution.version), name
