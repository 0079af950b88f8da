"""Measure what the tests and the book cost, and how that grows with the book.

    python -m tools.benchmark

What takes too long to repeat is read from the reports of the last `make test`: how long
its parts took, and which share of the notebooks' run isn't the chapters' own code.
Measured is how the rest grows, with as many chapters as today, twice and four times as
many: building a book with copies of them, and running that many copies of the tests'
small chapter, without its frameworks. All copies are gone afterwards.

Everything printed is in ``_build/benchmark.txt``, too. Run again after an interruption,
it goes on where it was; run again after the end, it measures anew.
"""

import argparse
import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from nbformat import NotebookNode

from tools.nbval import run_nbval
from tools.notebooks import (
    CHAPTERS,
    ROOT,
    chapter_name,
    code_cells,
    dumps,
    find,
    read,
    tags,
    write,
)
from tools.report import environment
from tools.status import REPORTS, WHOLE

FILE = ROOT / "_build" / "benchmark.txt"
FIXTURE = ROOT / "tests" / "fixtures" / "chapter.ipynb"
SIZES = (1, 2, 4)
FRAMEWORKS = {"torch", "tensorflow", "keras", "jax"}
DONE = "Complete."
BUILD = "from jupyter_book.cli.main import main; main()"
LABEL = re.compile(r"\$\$ \((eq-[^)]+)\)")


class Table:
    """What was measured, printed and written down line by line.

    A file that begins alike and isn't complete gives the lines that it has.
    """

    def __init__(self, file: Path, head: str):
        self._file = file
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        unfinished = before.startswith(head) and DONE not in before
        self._known = before.splitlines() if unfinished else []
        write(file, "")
        self.line(head)

    def line(self, text: str = "") -> None:
        """Print a line and write it down."""
        print(text, flush=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def heading(self, text: str, *columns: str) -> None:
        """Begin a part."""
        self.line()
        self.line(row(text, *columns))

    def measured(self, label: str, measure: Callable[[], list[float]]) -> list[float]:
        """Write and return a line of numbers, measured now unless they are known."""
        for line in self._known:
            if line.startswith(f"{label}  "):
                numbers = [float(word) for word in line[len(label) :].split()]
                break
        else:
            numbers = measure()
        self.line(row(label, *(f"{number:.1f}" for number in numbers)))
        return numbers


def row(label: str, *cells: str) -> str:
    """Return a line of a table."""
    return (f"{label:<44}" + "".join(f"{cell:>14}" for cell in cells)).rstrip()


def suite(reports: Path) -> Iterator[str]:
    """Say how long the parts of the last `make test` took."""
    file = reports / "parts.txt"
    if not file.exists():
        yield "  unknown: `make test` has not run here"
        return
    total = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        name, result, seconds, _ = line.split()
        total += int(seconds)
        yield row(f"  {name}{'' if result == 'passed' else f' ({result})'}", seconds)
    yield row("  all parts", str(total))


def shares(reports: Path) -> Iterator[str]:
    """Say what the time of the last run of all notebooks went into."""
    file = reports / "notebooks.json"
    if not file.exists():
        yield "  unknown: `make test-notebooks` has not run here"
        return
    report = json.loads(file.read_text(encoding="utf-8"))
    chapters = {chapter_name(path): path for path in find()}
    runs = [run for run in report["runs"] if run["edition"] == WHOLE]
    cells = sum(sum(run["seconds"]) for run in runs)
    imports = sum(
        seconds
        for run in runs
        if run["chapter"] in chapters
        for seconds, first in zip(
            run["seconds"], first_imports(read(chapters[run["chapter"]])), strict=False
        )
        if first
    )
    kernels = sum(run["overhead"] for run in runs)
    whole = report["wall"] * report["workers"]
    parts = {
        "the chapters' own code": cells - imports,
        "cells that import a framework first": imports,
        "kernels: start and end": kernels,
        "pytest, nbval, waiting for the last worker": whole - cells - kernels,
    }
    for what, seconds in parts.items():
        yield row(f"  {what}", f"{seconds:.1f}", f"{seconds / whole:.1%}")
    alike = f"{len(runs)} notebooks, {report['workers']} at a time, {report['date']}"
    yield row(f"  all ({alike})", f"{whole:.1f}")


def first_imports(notebook: NotebookNode) -> Iterator[bool]:
    """Iterate over code cells: does a cell import a framework that none before did?"""
    seen = set()
    for cell in code_cells(notebook):
        try:
            nodes = list(ast.walk(ast.parse(cell.source)))
        except SyntaxError:  # a magic, or a pitfall
            nodes = []
        names = [a.name for node in nodes if isinstance(node, ast.Import)
                 for a in node.names]  # fmt: skip
        names += [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
        new = FRAMEWORKS & {name.partition(".")[0] for name in names} - seen
        yield bool(new)
        seen |= new


def copy_book(target: Path, times: int, root: Path = ROOT) -> None:
    """Copy what the book is built from, with every chapter as many times."""
    target.mkdir()
    for name in ("_config.yml", "_toc.yml", "book", "tools"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, target / name)
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    for part in contents["parts"]:
        for entry in list(part["chapters"]):
            name = entry["file"]
            if not name.startswith("notebooks/"):
                continue
            for number in range(1, times + 1):
                copied = name if number == 1 else f"{name}_{number}"
                notebook = read(root / f"{name}.ipynb")
                relabel(notebook, number)
                write(target / f"{copied}.ipynb", dumps(notebook))
                if number > 1:
                    part["chapters"].append({"file": copied})
    write(target / "_toc.yml", yaml.safe_dump(contents, sort_keys=False))


def relabel(notebook: NotebookNode, number: int) -> None:
    """Give the formulas of a chapter's copy, and links to them, labels of their own."""
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    labels = {label for cell in texts for label in LABEL.findall(cell.source)}
    if number == 1 or not labels:
        return
    known = "|".join(sorted(map(re.escape, labels), key=len, reverse=True))
    for cell in texts:
        cell.source = re.sub(
            rf"(?<=\$\$ \()({known})(?=\))|(?<=\]\(#)({known})(?=\))",
            lambda label: f"{label[0]}-{number}",
            cell.source,
        )


def build(source: Path) -> float:
    """Build a book as `make book` does; return the seconds that took."""
    options = ["-n", "-W", "--keep-going", "--quiet"]
    command = [sys.executable, "-c", BUILD, "build", ".", *options]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"A book of copies failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def book(times: int, root: Path = ROOT) -> list[float]:
    """Return the seconds of builds: clean, with a changed chapter, a changed page."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "book")
        copy_book(source, times, root)
        seconds = [build(source)]
        chapter = next(iter(find([source / "notebooks"])))
        notebook = read(chapter)
        text = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
        text.source += "\n\nOne more sentence."
        write(chapter, dumps(notebook))
        seconds.append(build(source))
        page = source / "book" / "index.md"
        write(page, page.read_text(encoding="utf-8") + "\nOne more sentence.\n")
        seconds.append(build(source))
        return seconds


def notebooks(count: int) -> list[float]:
    """Return the seconds of a run of so many tiny notebooks, and of their kernels.

    They are the fixture chapter without its frameworks, so what is left is overhead.
    """
    notebook = read(FIXTURE)
    left_out = {"pytorch", "tensorflow", "keras", "parity"}
    notebook.cells = [c for c in notebook.cells if not left_out & {*tags(c)}]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            write(Path(folder, f"chapter_{number}.ipynb"), dumps(notebook))
        report = Path(folder, "report.json")
        options = [f"--report={report}", "--numprocesses=auto", "--dist=loadscope"]
        start = time.perf_counter()
        done = run_nbval(Path(folder), options=options)
        wall = time.perf_counter() - start
        if done.returncode:
            sys.exit(f"The small notebooks failed:\n{done.stdout}{done.stderr}")
        runs = json.loads(report.read_text(encoding="utf-8"))["runs"]
    kernels = sum(run["overhead"] for run in runs)
    cells = sum(sum(run["seconds"]) for run in runs)
    return [wall, kernels / len(runs), cells / len(runs), wall / len(runs)]


def main() -> int:
    """Measure from the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmark",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    today = len(find([CHAPTERS]))
    where = environment()
    table = Table(
        FILE,
        f"Seconds, with {today} chapters. {where['system']}; {where['cpu']}; "
        f"Python {where['python']}.",
    )
    table.heading("The last `make test`")
    for line in suite(REPORTS):
        table.line(line)
    table.heading("The last run of the notebooks", "all workers", "share")
    for line in shares(REPORTS):
        table.line(line)
    table.heading("Building the book", "clean", "one chapter", "one page")
    for times in SIZES:
        table.measured(f"  {today * times} chapters", lambda n=times: book(n))
    table.heading(
        "Running notebooks that do next to nothing", "wall", "a kernel", "cells", "each"
    )
    for times in SIZES:
        count = today * times
        table.measured(f"  {count} notebooks", lambda n=count: notebooks(n))
    table.line()
    table.line(DONE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
