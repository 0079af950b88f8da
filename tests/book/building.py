"""Build books for the tests: the real one, and a tiny one with every feature."""

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = {
    "GITHUB_REPOSITORY": "some-reader/fork",
    "GITHUB_SERVER_URL": "https://github.com",
    "BOOK_URL": "https://some-reader.github.io/fork/",
}
"""Where the books under test are published, in GitHub's words."""

# A picture of one pixel: these tests look at the page, not at the figure.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Built:
    """A build: how it ended, what it said, and the folder it wrote."""

    returncode: int
    stdout: str
    stderr: str
    html: Path

    @property
    def passed(self) -> bool:
        """Whether the build ended well and without a word of complaint."""
        return self.returncode == 0 and not self.stderr.strip()


def build(source: Path, output: Path, builder: str = "html") -> Built:
    """Run Jupyter Book as ``make book`` does, with every warning an error."""
    command = Path(sys.executable).with_name("jupyter-book")
    options = ["-n", "-W", "--keep-going"]
    known = builder in ("html", "latex")
    options += ["--builder", builder if known else "custom"]
    options += [] if known else ["--custom-builder", builder]
    run = subprocess.run(
        [command, "build", source, "--path-output", output, *options],
        capture_output=True,
        text=True,
        env=os.environ | PUBLISHED,
    )
    html = output / "_build" / builder
    return Built(run.returncode, run.stdout, run.stderr, html)


def build_once(name: str, factory: pytest.TempPathFactory, make_source=None) -> Built:
    """Build a book once for the whole session, however many workers ask for it."""
    shared = factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker's folder, inside the session's
        shared = shared.parent
    folder = shared / f"book-{name}"
    folder.mkdir(exist_ok=True)
    record = folder / "built.yml"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            source = make_source(folder / "source") if make_source else ROOT
            built = build(source, folder)
            said = [built.returncode, built.stdout, built.stderr]
            record.write_text(yaml.safe_dump(said))
    return Built(*yaml.safe_load(record.read_text()), folder / "_build" / "html")


def toc_pages(source: Path = ROOT) -> list[str]:
    """Return the pages named in ``_toc.yml``, without their suffix."""
    toc = yaml.safe_load((source / "_toc.yml").read_text())
    parts = toc.get("parts", [])
    chapters = [chapter["file"] for part in parts for chapter in part["chapters"]]
    return [toc["root"], *chapters]


def write_tiny_book(source: Path) -> Path:
    """Write a tiny book with the real settings and extensions; return its folder."""
    source.mkdir(parents=True)
    for name in ("_config.yml", "book", "tools"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    write_page(source, "book/index.md", "# A tiny book\n\nTwo chapters follow.\n")
    toc = {
        "format": "jb-book",
        "root": "book/index",
        "parts": [
            {
                "caption": "Chapters",
                "chapters": [
                    {"file": "notebooks/first"},
                    {"file": "notebooks/second"},
                ],
            },
            {"caption": "Reference", "chapters": [{"file": "book/references"}]},
        ],
    }
    write_page(source, "_toc.yml", yaml.safe_dump(toc))
    write_page(
        source,
        "book/references.bib",
        "@book{legendre1805, author = {Legendre, Adrien-Marie}, "
        "title = {Nouvelles m{\\'e}thodes}, publisher = {Firmin Didot}, year = 1805}\n",
    )
    write_notebook(source, "notebooks/first.ipynb", tiny_chapter("first"))
    write_notebook(source, "notebooks/second.ipynb", tiny_chapter("second"))
    return source


def write_page(source: Path, name: str, text: str) -> None:
    """Write one text file of a book."""
    path = source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_notebook(source: Path, name: str, notebook: nbformat.NotebookNode) -> None:
    """Write one notebook of a book."""
    write_page(source, name, nbformat.writes(notebook))


def code(source: str, tags: str = "", output: str = "", **metadata):
    """Return a code cell that ran and printed ``output``."""
    cell = new_code_cell(source, execution_count=1, metadata=metadata)
    if tags:
        cell.metadata.tags = tags.split()
    if output:
        cell.outputs = [new_output("stream", name="stdout", text=output + "\n")]
    return cell


def tab_cells(*frameworks: str, tags: str = "", **metadata) -> list:
    """Return a run of cells, one a framework; metadata goes to the first."""
    cells = [
        code(f'name = "{name}"\nprint(name)', f"{tags} {name}", f"This is {name}.")
        for name in frameworks
    ]
    cells[0].metadata.update(metadata)
    return cells


def picture(alt: str | None):
    """Return a cell that draws a picture, with alternative text or without."""
    metadata = {} if alt is None else {"mystnb": {"image": {"alt": alt}}}
    cell = code("draw()", **metadata)
    cell.outputs = [new_output("display_data", data={"image/png": PIXEL})]
    return cell


def failing():
    """Return a cell that shows a pitfall: an exception with its coloured traceback."""
    cell = code("1 / 0", "raises-exception")
    traceback = [
        "\x1b[31m" + "-" * 75 + "\x1b[39m",
        "\x1b[31mZeroDivisionError\x1b[39m    Traceback (most recent call last)",
        "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[1]\x1b[39m\x1b[32m, line 1"
        "\x1b[39m\n\x1b[32m----> \x1b[39m\x1b[32m1\x1b[39m \x1b[32;43m1\x1b[39;49m"
        "\x1b[43m \x1b[49m/\x1b[43m \x1b[49m\x1b[32;43m0\x1b[39;49m",
        "\x1b[31mZeroDivisionError\x1b[39m: division by zero",
    ]
    cell.outputs = [
        new_output(
            "error",
            ename="ZeroDivisionError",
            evalue="division by zero",
            traceback=traceback,
        )
    ]
    return cell


def tiny_chapter(name: str) -> nbformat.NotebookNode:
    """Return a chapter that uses each thing a page can show, as if executed."""
    wide_row = " | ".join(f"a wide column {n}" for n in range(12))
    wide_sum = " + ".join(f"w_{{{n}}} x_{{{n}}}" for n in range(24))
    cells = [
        new_markdown_cell(
            f"# The {name} chapter\n\n## Background\n\n"
            "[Legendre (1805)](../book/references.md#legendre1805) fits a line; "
            f"see [the squared error](#eq-{name}-error) and the\n"
            "[first exercise](#Exercise-1:-Add-one)."
        ),
        picture("A line through points"),
        new_markdown_cell(
            "## Formulas\n\nWith $w$ and $b$, the mean is\n\n"
            "$$L = \\frac{1}{n} \\sum_{i=1}^n (\\hat y_i - y_i)^2$$ "
            f"(eq-{name}-error)\n\n$$\\hat y = {wide_sum}$$ (eq-{name}-wide)\n\n"
            f"| {wide_row} |\n|{'---|' * 12}\n| {wide_row} |"
        ),
        code("def add(a, b):\n    return a + b", "numpy"),
        *tab_cells("pytorch", "tensorflow", "keras"),
        code("same = True\nprint(same)", "parity", "True"),
        new_markdown_cell("> **Note.** A remark.\n\n## Code\n\nThe cells come back."),
        *tab_cells("pytorch", "tensorflow", "keras"),
        *tab_cells(
            "pytorch", "keras", threeways={"missing": {"tensorflow": "it can't."}}
        ),
        new_markdown_cell("It fails:"),
        failing(),
        code("x = " + " + ".join(["1"] * 60)),
        new_markdown_cell("## Exercises\n\n### Exercise 1: Add one"),
        code("answer = ...", "exercise", "✗ not solved yet."),
        code("answer = 1", "solution hide-cell", "✓ solved."),
    ]
    return new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            "threeways": {
                "title": f"The {name} chapter",
                "summary": "One line.",
                "frameworks": ["pytorch", "tensorflow", "keras"],
                "missing": {},
            },
        },
    )
