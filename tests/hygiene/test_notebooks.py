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


def listed():
    """Return the chapters of the table of contents, in its order."""
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    return re.findall(r"^\s*- file: notebooks/(\S+?)(?:\.ipynb)?$", toc, re.M)


def test_every_chapter_is_in_the_table_of_contents():
    assert sorted(listed()) == sorted(map(chapter_name, BOOK))


def test_every_chapter_is_on_the_front_page():
    front = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    missing = [name for name in listed() if f"../notebooks/{name}.ipynb)" not in front]
    assert missing == []


def test_chapters_come_after_their_prerequisites():
    order = listed()
    early = [
        f"{name} comes before {needed}"
        for name, notebook in ((chapter_name(p), n) for p, n in BOOK.items())
        for needed in notebook.metadata.threeways.prerequisites
        if order.index(name) < order.index(needed)
    ]
    assert early == []
