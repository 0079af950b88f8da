"""Every chapter keeps every rule of ``tools.hygiene``."""

import re

import pytest

from tools.hygiene import BOOK_RULES, RULES, problems
from tools.notebooks import ROOT, chapter_name, find, read

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


def test_every_chapter_is_in_the_table_of_contents():
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^\s*- file: notebooks/(\S+?)(?:\.ipynb)?$", toc, re.M)
    assert sorted(listed) == sorted(map(chapter_name, BOOK))
