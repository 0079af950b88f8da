"""What is published: notebooks, where their links lead, and the buttons to them."""

import re
from pathlib import Path

import pytest

from tests.book import checking
from tests.book.building import PUBLISHED, Built
from tools.editions import edition
from tools.groups import FRAMEWORKS
from tools.notebooks import chapter_name, find, read
from tools.publish import (
    ALL,
    BRANCH,
    COLAB,
    Place,
    published,
    published_place,
    write_published,
)

PLACE = published_place(PUBLISHED)
WHEEL = "threeways-0.1.0-py3-none-any.whl"
FOLDERS = (ALL, *FRAMEWORKS)


def links(text: str) -> list[str]:
    """Return where the Markdown links of a text lead."""
    inside = r"[^()\s]|\((?:[^()\s]|\([^()\s]*\))*\)"
    return re.findall(rf"\]\((http(?:{inside})+)\)", text)


def test_the_address_is_githubs():
    here = {"GITHUB_REPOSITORY": "Somebody/Book"}
    assert published_place(here) == Place(
        "https://github.com/Somebody/Book", "https://somebody.github.io/book/"
    )
    own_site = published_place({"GITHUB_REPOSITORY": "Ann/ann.github.io"})
    assert own_site.pages == "https://ann.github.io/"
    assert (
        published_place(here | {"BOOK_URL": "https://a.org"}).pages == "https://a.org/"
    )


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("", None),
        ("https://github.com/Ann/Book.git", PLACE._replace(
            repository="https://github.com/Ann/Book",
            pages="https://ann.github.io/book/",
        )),
    ],
)  # fmt: skip
def test_elsewhere_the_address_is_that_of_the_settings(tmp_path, url, place):
    config = tmp_path / "_config.yml"
    config.write_text(f'repository: {{url: "{url}"}}\n')
    assert published_place({}, config) == place
    assert published_place({"BOOK_URL": ""}, config) == place


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    mine = tmp_path / "novel.txt"
    mine.write_text("Once upon a time")
    with pytest.raises(FileExistsError, match="holds other things"):
        write_published(PLACE, tmp_path, [])
    assert mine.exists()


@pytest.mark.parametrize("path", find(), ids=chapter_name)
def test_buttons_open_what_is_published(book: Built, path: Path):
    page = checking.parsed(book.html / "notebooks" / f"{chapter_name(path)}.html")
    buttons = page.select_one(".dropdown-colab-buttons").select("a")
    offered = [ALL, *read(path).metadata.threeways.frameworks]
    assert sorted(a["href"] for a in buttons) == sorted(
        f"{COLAB}/some-reader/fork/blob/{BRANCH}/{folder}/{chapter_name(path)}.ipynb"
        for folder in offered
    )
    source = f"notebooks/{chapter_name(path)}.ipynb"
    (edit,) = page.select("a.btn-source-edit-button")
    assert edit["href"] == f"{PLACE.repository}/edit/main/{source}"
    (view,) = page.select("a.btn-source-file-button")
    assert view["href"].startswith(f"{PLACE.repository}/blob/main/{source}")


def test_pages_of_prose_have_no_colab_button(book: Built):
    page = checking.parsed(book.html / "book" / "notation.html")
    assert page.select(".btn-source-edit-button")
    assert not page.select(".dropdown-colab-buttons")


@pytest.mark.parametrize("folder", FOLDERS)
def test_only_the_set_up_and_the_links_are_new(folder: str):
    path = find()[0]
    notebook = published(path, folder, PLACE, WHEEL)
    before = read(path) if folder == ALL else edition(read(path), folder)
    set_up = notebook.cells.pop(0)
    wheel = f"{PLACE.repository}/raw/{BRANCH}/{WHEEL}"
    assert f"--no-deps --force-reinstall {wheel}" in set_up.source
    assert PLACE.repository in set_up.source.splitlines()[0]
    assert notebook.metadata == before.metadata
    for new, old in zip(notebook.cells, before.cells, strict=True):
        if new.cell_type == "markdown":
            new.source = re.sub(r"\]\([^)\s]+\)", "]()", new.source)
            old.source = re.sub(r"\]\([^)\s]+\)", "]()", old.source)
        assert new == old


def test_the_set_up_names_the_chapters_own_packages():
    needing = [p for p in find() if read(p).metadata.threeways.get("packages")]
    assert needing
    for path in needing:
        set_up = published(path, ALL, PLACE, WHEEL).cells[0].source
        packages = read(path).metadata.threeways.packages
        *_, last = set_up.splitlines()
        assert '--constraint "{installed}"' in last
        assert last.split()[-len(packages) :] == packages


@pytest.mark.parametrize("path", find(), ids=chapter_name)
def test_links_lead_to_pages_of_the_book(book: Built, path: Path):
    notebook = published(path, ALL, PLACE, WHEEL)
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    ours = [link for link in links("\n".join(prose)) if PLACE.pages in link]
    assert ours
    for link in ours:
        page, _, anchor = link.removeprefix(PLACE.pages).partition("#")
        assert (book.html / page).is_file(), link
        assert not anchor or anchor in checking.anchors(book.html / page), link
    relative = re.findall(r"\]\((\.\.?/[^)]+)\)", "\n".join(prose))
    assert not relative
