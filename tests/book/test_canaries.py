"""Each gate of the page closes: a fault goes in, and it must be reported.

Each canary alters a copy of a tiny book that passes as it is, so that the fault is the
only thing that can fail.
"""

import shutil
from pathlib import Path

import pytest

from tests.book import building, checking
from tests.book.building import Built

FIRST = "notebooks/first.ipynb"


@pytest.fixture
def source(tmp_path: Path, tiny_book: Built) -> Path:
    """A fresh tiny book that is known to pass."""
    assert tiny_book.passed, tiny_book.stderr
    return building.write_tiny_book(tmp_path / "source")


@pytest.fixture
def html(tmp_path: Path, tiny_book: Built) -> Path:
    """A copy of the tiny book's pages, in which no check finds a fault."""
    assert tiny_book.passed, tiny_book.stderr
    copy = shutil.copytree(tiny_book.html, tmp_path / "html")
    for check in (
        checking.broken_links,
        checking.remote_subresources,
        checking.missing_alt,
        checking.wrong_tab_sets,
    ):
        assert check(copy) == []
    return copy


def chapter_with(source: Path, *cells) -> None:
    """Add cells to the end of the first chapter."""
    chapter = building.tiny_chapter("first")
    chapter.cells += cells
    building.write_notebook(source, FIRST, chapter)


def test_broken_links_fail_the_build(source: Path):
    links = {
        "[a page](nowhere.md)": "'nowhere.md'",
        "[a heading](#No-heading)": "'No-heading'",
        "[a heading elsewhere](second.ipynb#Not-there)": "'Not-there'",
        "[a formula](#eq-unwritten)": "'eq-unwritten'",
        "[Nobody](../book/references.md#nobody1900)": "'nobody1900'",
        "$$x$$ (eq-first-error)": "duplicate label of equation eq-first-error",
    }
    chapter_with(source, building.new_markdown_cell("\n\n".join(links)))
    built = building.build(source, source.parent)
    assert built.returncode != 0
    assert [c for c in links.values() if c not in built.stderr] == []


def test_missing_tab_fails_the_build(source: Path):
    chapter_with(source, *building.tab_cells("pytorch", "keras"))
    built = building.build(source, source.parent)
    assert built.returncode != 0
    assert "lack TensorFlow" in built.stderr


def test_stored_stderr_fails_the_build(source: Path):
    noisy = building.code("warn()", output="careful")
    noisy.outputs[0].name = "stderr"
    chapter_with(source, noisy)
    built = building.build(source, source.parent)
    assert built.returncode != 0
    assert "stderr" in built.stderr


def test_missing_alt_is_reported(source: Path):
    chapter_with(source, building.picture(alt=None))
    built = building.build(source, source.parent)
    assert len(checking.missing_alt(built.html)) == 1


def alter(html: Path, old: str, new: str) -> None:
    """Replace some text in the page of the first chapter."""
    page = html / "notebooks" / "first.html"
    text = page.read_text()
    assert old in text
    page.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "fetching",
    [
        '<script src="https://cdn.example.org/x.js"></script>',
        '<script src="//cdn.example.org/x.js"></script>',
        '<link rel="stylesheet" href="https://cdn.example.org/x.css">',
        '<img alt="x" src="https://cdn.example.org/x.png">',
        "<style>@import 'https://cdn.example.org/x.css';</style>",
        '<p style="background: url(https://cdn.example.org/x.png)"></p>',
    ],
)
def test_third_party_is_reported(html: Path, fetching: str):
    alter(html, "</article>", f"{fetching}</article>")
    assert len(checking.remote_subresources(html)) == 1


def test_third_party_font_is_reported(html: Path):
    sheet = html / "_static" / "book.css"
    font = "@font-face { src: url(https://cdn.example.org/x.woff2); }"
    sheet.write_text(sheet.read_text() + font)
    assert len(checking.remote_subresources(html)) == 1


@pytest.mark.parametrize(
    "link", ["#nowhere", "second.html#nowhere", "nowhere.html", "../nowhere/"]
)
def test_broken_link_is_reported(html: Path, link: str):
    alter(html, "</article>", f'<a href="{link}">here</a></article>')
    assert checking.broken_links(html) == [f"notebooks/first.html: {link}"]


def test_missing_picture_is_reported(html: Path):
    alter(html, "</article>", '<img alt="x" src="../_images/gone.png"></article>')
    assert len(checking.broken_links(html)) == 1


def test_missing_tab_is_reported(html: Path):
    alter(html, "Keras</label>", "</label>")
    assert len(checking.wrong_tab_sets(html)) == 1
