"""The status page lists every chapter and edition, and says what has changed since."""

import re
from datetime import date

import yaml

from book._ext.mirror import Book
from book._ext.status import CHANGED, NEVER, status, status_summary
from tests.book import checking
from tests.book.building import Built, build, write_page, write_tiny_book
from tools.notebooks import ROOT, chapter_name, find, read
from tools.status import (
    CPU,
    EDITIONS,
    FILE,
    GPU,
    dumps,
    fingerprint,
    load,
    on_accelerator,
)

ENVIRONMENT = {"python": "3.12.1", "system": "Linux", "cpu": "A processor"}
SEEN = {"accelerator": "GPU 9000", "seen_by": ["JAX", "PyTorch"]}


def test_the_page_lists_every_chapter_and_edition(book: Built):
    page = checking.parsed(book.html / "book" / "status.html").article
    found = {}
    for table in page.select("section > section table"):
        title = table.find_previous("h3").find(string=True).strip()
        rows = table.select("tbody tr")
        found[title] = [row.td.get_text() for row in rows]
    titles = [read(path).metadata.threeways.title for path in find()]
    assert found == {title: [*EDITIONS.values()] for title in titles}


def test_the_file_holds_what_make_status_writes():
    known = load()
    chapters = {chapter_name(path) for path in find()}
    assert FILE.read_text(encoding="utf-8") == dumps(known, chapters)
    for kind in (CPU, GPU):
        for chapter, editions in known[kind].items():
            assert editions.keys() <= EDITIONS.keys()
            for edition, run in editions.items():
                assert date.fromisoformat(run["date"]) >= date(2026, 11, 1)
                assert re.fullmatch("[0-9a-f]{12}", run["hash"])
                assert run["seconds"] > 0 and run["memory_mib"] > 0
                where = known["environments"][run["environment"]]
                run = {"chapter": chapter, "edition": edition}
                assert on_accelerator(run, where) == (kind == GPU)


def tiny(source, hash_of_first):
    """Write a tiny book with a status page, whose first chapter ran with a hash."""
    write_tiny_book(source)
    run = {"date": "2026-05-04", "seconds": 2.5, "memory_mib": 300}
    first = fingerprint(read(source / "notebooks" / "first.ipynb"))
    run["hash"] = hash_of_first or first
    known = {
        "environments": {"here": ENVIRONMENT, "there": ENVIRONMENT | SEEN},
        CPU: {"first": {"whole": run | {"environment": "here"}}},
        GPU: {"first": {"whole": run | {"environment": "there", "seconds": 0.5}}},
    }
    write_page(source, "book/status.yml", yaml.safe_dump(known))
    toc = yaml.safe_load((source / "_toc.yml").read_text())
    toc["parts"][1]["chapters"].append({"file": "book/status"})
    write_page(source, "_toc.yml", yaml.safe_dump(toc))
    return source


def rows(source):
    """Return the cells of each row of each chapter's table."""
    lines = [line for line in status(Book(source)) if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def test_a_run_is_shown_with_its_numbers_and_the_accelerator(tmp_path):
    whole, torch = rows(tiny(tmp_path / "source", None))[2:4]
    assert whole[:2] == ["Whole notebook", "2026-05-04 (1); 2026-05-04 (2)"]
    assert whole[2:4] == ["2.5&nbsp;s", "0.5&nbsp;s (GPU 9000, seen by JAX, PyTorch)"]
    assert whole[4] == "300&nbsp;MiB"
    assert torch[:5] == ["PyTorch", NEVER, NEVER, NEVER, "–"]


def test_a_changed_chapter_is_marked_and_stops_no_build(tmp_path):
    source = tiny(tmp_path / "source", "0" * 12)
    built = build(source, tmp_path)
    assert built.passed, built.stderr
    page = checking.parsed(built.html / "book" / "status.html").article
    assert page.get_text().count(f"2026-05-04 (1), {CHANGED}") == 1
    counted = [line for line in status_summary(Book(source)) if "Whole" in line]
    assert counted == ["| Whole notebook | 0 | 1 | 1 | 1 |"]


def test_the_page_is_part_of_the_contents():
    assert "book/status" in (ROOT / "_toc.yml").read_text()
