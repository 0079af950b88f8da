"""Every chapter keeps every rule of ``tools.hygiene``."""

import pytest

from tools.hygiene import BOOK_RULES, RULES, problems
from tools.notebooks import chapter_name, find, read

BOOK = {path: read(path) for path in find()}


def test_there_are_chapters():
    assert BOOK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", BOOK, ids=chapter_name)
def test_rule(path, rule):
    if found := problems(rule, path, BOOK[path]):
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize("rule", BOOK_RULES, ids=lambda rule: rule.__name__)
def test_book_rule(rule):
    if found := list(rule(BOOK)):
        pytest.fail("\n".join(found), pytrace=False)
