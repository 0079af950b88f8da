"""The Makefile says what it can do, hides no failure, and bears a space in its path."""

import re
import subprocess

import pytest

from tests.house.miniature import ROOT, write_wheel

# Stands in for Jupyter Book: says what it found, fails where a page holds `warning`.
BUILDER = """
import pathlib, sys

def main():
    doctrees = pathlib.Path("_build/.doctrees/page")
    page = pathlib.Path("page.md").read_text()
    html = pathlib.Path("_build/html")
    if not (doctrees.exists() and doctrees.read_text() == page):  # read anew
        doctrees.parent.mkdir(parents=True, exist_ok=True)
        doctrees.write_text(page)
        print("read the page", file=sys.stderr)
        if "warning" in page:
            sys.exit("page.md: warning")
    html.mkdir(exist_ok=True)
    (html / "index.html").write_text(page)
"""


@pytest.fixture
def bookshop(house):
    """A house whose Jupyter Book is the one above, with one page."""
    files = {"jupyter_book/cli/main.py": BUILDER}
    write_wheel(house.wheels, "alpha", files)
    for name in ("_config.yml", "_toc.yml", "book/_ext/tabs.py"):
        house.write(name, "")
    house.write("page.md", "text")
    return house


def targets():
    """Return the targets of the real Makefile, as make itself reads them."""
    database = subprocess.run(
        ["make", "-pRrq", "help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    phony = re.search(r"^\.PHONY: (.*)$", database, re.M)[1].split()
    return {name for name in phony if not name.startswith("env-")} - {"help"}


def test_make_alone_lists_every_target_with_a_line_each():
    output = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True).stdout
    listed = dict(re.findall(r"^  ([a-z-]+) +(\S.*)$", output, re.M))
    assert set(listed) == targets()
    assert all(len(line) <= 80 for line in output.splitlines())


def test_the_book_is_built_and_make_says_how_to_open_it(bookshop):
    status, output = bookshop.make("book")
    assert status == 0
    address = re.search(r"file://(\S+)", output)[1].replace("%20", " ")
    with open(address) as page:
        assert page.read() == "text"


def test_a_page_with_a_warning_fails_every_time_until_it_is_mended(bookshop):
    assert bookshop.make("book")[0] == 0
    bookshop.write("page.md", "warning")
    for _ in range(2):
        status, output = bookshop.make("book")
        assert status != 0 and "page.md: warning" in output
        assert "is built" not in output
    bookshop.write("page.md", "text")
    assert bookshop.make("book")[0] == 0


@pytest.mark.parametrize("changed", ["book/_ext/tabs.py", "_config.yml", "_toc.yml"])
def test_what_was_read_is_kept_until_the_rules_of_reading_change(bookshop, changed):
    assert "read the page" in bookshop.make("book")[1]
    assert "read the page" not in bookshop.make("book")[1]
    bookshop.write(changed, "changed")
    assert "read the page" in bookshop.make("book")[1]


def test_every_part_of_make_test_runs_and_every_failed_one_is_named(house):
    house.write(
        "GNUmakefile",
        "include Makefile\n"
        "test-good:\n\t@true\n"
        "test-bad:\n\t@false\n"
        "test-worse:\n\t@exit 3\n",
    )
    status, output = house.make("test", "PARTS=test-bad test-good test-worse")
    assert status != 0
    summary = output[output.index("=== make test") :]
    results = re.findall(r"^(test-\S+) +(passed|FAILED) +\d+ s$", summary, re.M)
    assert results == [
        ("test-bad", "FAILED"),
        ("test-good", "passed"),
        ("test-worse", "FAILED"),
    ]
    assert "Failed: test-bad test-worse\n" in summary
    status, output = house.make("test", "PARTS=test-good")
    assert status == 0 and "All parts passed." in output


def test_a_failed_environment_stops_make(house):
    house.write("book/requirements.txt", "no-such-package\n")
    status, output = house.make("book")
    assert status != 0
    assert "pip failed" in output and "Building" not in output


def test_a_python_that_is_not_there_is_named(house):
    status, output = house.make("book", "PYTHON=/no/python3")
    assert status != 0 and "There is no /no/python3 here" in output


def test_targets_side_by_side_share_one_environment(house):
    house.write("GNUmakefile", "include Makefile\na: env-book\nb: env-full\n")
    status, output = house.make("-j4", "a", "b")
    assert status == 0
    assert output.count("Installing") == 2  # the book's level, then the rest of it


def test_clean_keeps_the_environment_and_clean_all_does_not(house):
    house.make("env-book")
    house.write("_build/html/index.html", "")
    assert house.make("clean")[0] == 0
    assert house.venv.exists() and not (house.root / "_build").exists()
    assert house.environment("book") == (0, "")
    assert house.make("clean-all")[0] == 0
    assert not house.venv.exists()
