"""The glossary: enough terms, in order, in both languages, each with its chapter."""

import re

from tests.book.building import toc_pages
from tools.notebooks import ROOT

PAGE = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^## (\S)\n\n```\{glossary\}\n(.*?)^```$", PAGE, re.M | re.S)
CHINESE = re.compile(r"\n.*[\u4e00-\u9fff]")
ENTRIES = [
    (letter, *re.fullmatch(r"([\s\S]*)\n  (.*)", entry.strip("\n")).groups())
    for letter, block in BLOCKS
    for entry in block.strip("\n").split("\n\n")
]


def test_it_holds_what_a_reader_will_look_for():
    assert len(ENTRIES) >= 150
    names = {terms.split("\n")[0] for _, terms, _ in ENTRIES}
    assert {"gradient", "tensor", "reinforcement learning", "Transformer"} <= names


def test_terms_stand_in_order_under_their_letters():
    order = [re.sub(r"[^a-z]+", " ", terms.lower()) for _, terms, _ in ENTRIES]
    assert order == sorted(order)
    assert all(terms[0].upper() == letter for letter, terms, _ in ENTRIES)


def test_each_has_a_chinese_name_unless_the_field_has_none():
    english_only = [t for _, t, _ in ENTRIES if not CHINESE.search(t)]
    assert english_only == ["Transformer"]
    assert "增强学习" not in PAGE  # a common mistranslation of reinforcement learning


def test_each_says_what_it_means_and_where():
    for _, terms, meaning in ENTRIES:
        target = re.search(r"\]\(\.\./(notebooks/\S+)\.ipynb#\S+\)\.$", meaning)
        assert target, terms
        assert target[1] in toc_pages()
