"""The real book builds without a warning, and its pages hold together."""

import subprocess
import sys

import pytest

from tests.book import checking
from tests.book.building import (
    Built,
    build,
    tiny_chapter,
    toc_pages,
    write_notebook,
    write_page,
    write_tiny_book,
)
from tools.notebooks import ROOT

ONLY_IN_FULL = {
    *("threeways", "numpy", "PIL", "matplotlib", "sklearn"),
    *("torch", "tensorflow", "keras", "jax", "psutil", "pytest"),
}
"""Packages that `make book` does without, since it doesn't install them."""


def test_builds_without_a_warning(book: Built):
    assert book.stderr.strip() == ""
    assert book.returncode == 0


def test_the_extensions_need_nothing_that_make_book_does_not_install():
    program = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({ONLY_IN_FULL}))  # importing one of them now fails
import book._ext
for module in pkgutil.iter_modules(book._ext.__path__):
    importlib.import_module(f"book._ext.{{module.name}}")
    print(module.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert {"mirror", "status", "publishing"} <= {*done.stdout.split()}


@pytest.mark.parametrize("page", toc_pages())
def test_has_every_page_of_its_contents(book: Built, page: str):
    assert (book.html / f"{page}.html").is_file()


def test_root_leads_to_the_first_page(book: Built):
    landing = checking.parsed(book.html / "index.html")
    first = f"{toc_pages()[0]}.html"
    assert landing.html["lang"] == "en"
    assert landing.title.text == "Deep Learning Three Ways"
    assert landing.select_one("meta[http-equiv=refresh]")["content"].endswith(first)
    assert landing.select_one("main a")["href"] == first


@pytest.mark.parametrize(
    "check",
    [
        checking.broken_links,
        checking.remote_subresources,
        checking.missing_alt,
        checking.wrong_tab_sets,
    ],
)
def test_pages_are_free_of(book: Built, check):
    assert checking.pages(book.html)
    assert check(book.html) == []


def test_only_pages_with_formulas_load_mathjax(tiny_book: Built):
    # Sphinx counts the formulas of a page's children to it, hence not the root.
    for name in ("notebooks/first", "book/references"):
        page = tiny_book.html / f"{name}.html"
        loads = any("mathjax" in url for url in checking.subresources(page))
        assert loads == bool(checking.parsed(page).select(".math")), name


def test_formulas_are_numbered_chapter_by_chapter(tiny_book: Built):
    for name in ("first", "second"):
        page = checking.parsed(tiny_book.html / "notebooks" / f"{name}.html")
        numbers = [mark.find(string=True) for mark in page.select(".eqno")]
        assert numbers == ["(1)", "(2)"]


def test_a_rebuild_reads_only_what_changed(tmp_path):
    source = write_tiny_book(tmp_path / "source")
    build(source, tmp_path)
    chapter = tiny_chapter("first")
    chapter.cells[0].source += "\n\nOne more sentence."
    write_notebook(source, "notebooks/first.ipynb", chapter)
    again = build(source, tmp_path)
    assert "0 added, 1 changed, 0 removed" in again.stdout
    assert "One more sentence." in (again.html / "notebooks/first.html").read_text()


def test_pages_outside_the_contents_are_left_alone(tmp_path):
    source = write_tiny_book(tmp_path / "source")
    for name in ("README.md", ".venv/lib/x.md", "_build/x.md", "tests/x.md"):
        write_page(source, name, "# Not a page\n\n[broken](nowhere.md)\n")
    built = build(source, tmp_path)
    assert built.passed, built.stderr
    assert [page for page in built.html.rglob("x.html")] == []


def test_catalogues_for_translators(tmp_path):
    source = write_tiny_book(tmp_path / "source")
    built = build(source, tmp_path, "gettext")
    assert built.passed, built.stderr
    catalogue = (built.html / "notebooks" / "first.pot").read_text()
    prose, alt, reason = "The cells come back.", "A line through points", "it can't."
    for message in (prose, alt, reason):
        assert f'msgid "{message}"' in catalogue
    for own in ("PyTorch", "Your turn", "Show solution", "No TensorFlow tab:"):
        assert own not in catalogue  # names, and words of the extension's catalogue


def test_without_tabs_every_framework_shows_under_its_label(tmp_path):
    source = write_tiny_book(tmp_path / "source")
    built = build(source, tmp_path, "latex")
    assert built.passed, built.stderr
    (latex,) = built.html.glob("*.tex")
    text = latex.read_text()
    places = [
        text.index(place)
        for name in ("PyTorch", "TensorFlow", "Keras")
        for place in (f"*{{{name}}}", f"This is {name.lower()}.")
    ]
    assert places == sorted(places)
