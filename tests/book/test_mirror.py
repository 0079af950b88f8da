"""The articles are mirrored: every item has its place, and what is wrong is put right.

Also the other pages made from data: every question and every formula is on them.
"""

import re
from collections import Counter

from docutils import nodes

from book._ext.mirror import VERDICTS, Book
from tests.book import checking
from tests.book.building import Built
from tools.notebooks import ROOT

MIRROR = Book(ROOT)
ITEMS = MIRROR.items
# What the articles hold: how many items of each kind.
KINDS = {
    "D0": {"B": 2, "C": 18, "F": 2, "A": 4, "K": 2, "Q": 5, "T": 4, "X": 4},
    "D1": {"B": 3, "C": 6, "F": 3, "A": 2, "K": 2, "Q": 12, "T": 5, "X": 4, "R": 3},
    "D2": {"B": 4, "C": 20, "F": 10, "K": 5, "Q": 37, "X": 5},
    "D3": {"B": 3, "C": 14, "F": 7, "K": 1, "Q": 4, "T": 4, "R": 4},
    "D4": {"B": 4, "C": 12, "F": 6, "A": 2, "K": 4, "Q": 5, "T": 3, "X": 3, "R": 21},
}


def test_every_item_of_the_articles_is_there():
    assert len(ITEMS) == 259
    for article, kinds in KINDS.items():
        ids = MIRROR.articles[article]["items"]
        assert Counter(re.match(r"D\d\.(\w)\d+", key)[1] for key in ids) == kinds
        assert all(key.startswith(f"{article}.") for key in ids)


def test_every_item_says_what_and_where_it_is():
    for key, item in ITEMS.items():
        article = MIRROR.articles[key[:2]]
        assert item["section"] in article["sections"], key
        assert item["zh"].strip() and item["en"].strip(), key
        assert len(item["en"].split()) <= 16, key


def test_what_is_not_correct_is_put_right():
    verdicts = Counter(item["verdict"] for item in ITEMS.values())
    assert verdicts == {
        "correct": 101,
        "imprecise": 58,
        "wrong": 61,
        "incomplete": 29,
        "outdated": 10,
    }
    for key, item in ITEMS.items():
        texts = [item.get(part, "") for part in ("says", "right", "see")]
        given = [bool(text.strip()) for text in texts]
        assert given == [item["verdict"] in VERDICTS] * 3, key


def test_every_target_is_in_the_built_book(book: Built):
    missing = []
    for key, item in ITEMS.items():
        page, _, anchor = item["target"].partition("#")
        file = book.html / f"{page}.html"
        if not (anchor and file.is_file() and anchor in checking.anchors(file)):
            missing.append((key, item["target"]))
    assert missing == []


def listed(book: Built, page: str, kind: str | list[str]) -> list[str]:
    """Return the texts of all elements of a kind, or of several, on a page."""
    article = checking.parsed(book.html / "book" / f"{page}.html").article
    return [element.get_text() for element in article.find_all(kind)]


def test_the_map_shows_every_item(book: Built):
    lines = listed(book, "document_map", "li")
    for key, item in ITEMS.items():
        (line,) = [line for line in lines if line.startswith(f"{key} ")]
        assert item["zh"].strip() in line, key
        assert f" {item['verdict'].capitalize()}" in line, key


def test_the_map_has_the_headings_as_the_articles_have_them(book: Built):
    found = listed(book, "document_map", ["h3", "h4"])
    assert any(text.startswith("3.1.1 卷积层 ·") for text in found)
    assert any(text.startswith("1.背景介绍 ·") for text in found)
    assert len(found) == sum(len(a["sections"]) for a in MIRROR.articles.values())


def test_every_code_among_the_corrections_is_a_link(book: Built):
    page = checking.parsed(book.html / "book" / "corrections.html").article
    for words in page.find_all(string=re.compile(r"D\d\.[A-Z]\d")):
        is_name = words.find_parent("strong") or words.find_parent(re.compile("^h"))
        assert words.find_parent("a") or is_name, words


def test_each_correction_can_be_linked_to(book: Built):
    anchors = checking.anchors(book.html / "book" / "corrections.html")
    wanted = [key for key, item in ITEMS.items() if item["verdict"] in VERDICTS]
    assert len(wanted) == 158
    assert [k for k in wanted if k.lower().replace(".", "-") not in anchors] == []


def test_all_questions_are_on_one_page(book: Built):
    text = "\n".join(listed(book, "questions", "li"))
    for key in ITEMS:
        if re.fullmatch(r"D\d\.Q\d+", key):
            assert re.search(rf"\b{re.escape(key)}\b(?!\.)", text), key
    for name, chapter in MIRROR.chapters.items():
        assert chapter.questions, name
    count = sum(len(chapter.questions) for chapter in MIRROR.chapters.values())
    assert count >= 100
    assert text.count("\n") + 1 >= count


def test_all_formulas_are_on_one_page(book: Built):
    page = checking.parsed(book.html / "book" / "formula_index.html").article
    links = {a["href"].partition("#")[2] for a in page.find_all("a", href=True)}
    labels = [
        label
        for chapter in MIRROR.chapters.values()
        for group, _ in chapter.formulas
        for label in group
    ]
    assert len(labels) > 150
    ids = {nodes.make_id(f"equation-{label}") for label in labels}
    assert ids <= links
