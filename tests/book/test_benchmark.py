"""The benchmark copies books that build, and goes on where it was interrupted."""

from tests.book.building import build, toc_pages, write_tiny_book
from tools.benchmark import DONE, Table, copy_book, first_imports
from tools.notebooks import ROOT, code_cells, read


def test_a_book_of_copies_builds_without_a_warning(tmp_path):
    source = write_tiny_book(tmp_path / "source")
    copy_book(tmp_path / "copy", 2, source)
    names = ["notebooks/first", "notebooks/second"]
    both = [f"{name}{copy}" for name in names for copy in ("", "_2")]
    assert sorted(toc_pages(tmp_path / "copy")[1:5]) == sorted(both)
    built = build(tmp_path / "copy", tmp_path)
    assert built.passed, built.stderr
    assert all((built.html / f"{name}.html").is_file() for name in both)


def test_it_measures_again_only_what_it_has_not_and_anew_when_it_was_complete(tmp_path):
    file = tmp_path / "benchmark.txt"
    asked = []

    def measure():
        asked.append(1)
        return [1.26, 20.0]

    def run(head, *labels, complete):
        table = Table(file, head)
        table.heading("Things", "first", "second")
        numbers = [table.measured(label, measure) for label in labels]
        if complete:
            table.line(DONE)
        return numbers

    run("Here", "  one", complete=False)
    assert run("Here", "  one", "  two", complete=True) == [[1.3, 20.0], [1.26, 20.0]]
    assert len(asked) == 2
    assert file.read_text().split() == (
        "Here Things first second one 1.3 20.0 two 1.3 20.0".split() + [DONE]
    )
    run("Here", "  one", complete=False)
    run("Elsewhere", "  one", complete=False)
    assert len(asked) == 4


def test_cells_that_import_a_framework_first_are_found():
    notebook = read(ROOT / "notebooks" / "foundations" / "linear_regression.ipynb")
    found = zip(code_cells(notebook), first_imports(notebook), strict=True)
    importing = [cell.source for cell, first in found if first]
    names = ("torch", "tensorflow", "keras")
    assert all(any(f"import {n}" in text for text in importing) for n in names)
    assert len(importing) <= len(names)
