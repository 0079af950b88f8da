"""Keep what is known of each chapter and edition: when it passed, and what it took.

    python -m tools.status                     # take over all of _build/reports
    python -m tools.status _build/reports/gpu.json

Reports are what `make test-notebooks`, `make test-editions` and `make test-gpu` write;
see ``tools/report.py``. Only notebooks that passed, every cell, and are still as they
were then, get into ``book/status.yml``, of which the book makes its status page. The
others are named, and keep what was known of them.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Collection
from pathlib import Path

import yaml
from nbformat import NotebookNode

from tools import accelerator
from tools.groups import in_edition
from tools.notebooks import (
    ROOT,
    chapter_name,
    code_cells,
    find,
    read,
    shown,
    tags,
    write,
)

FILE = ROOT / "book" / "status.yml"
REPORTS = ROOT / "_build" / "reports"
WHOLE = "whole"
EDITIONS = {
    WHOLE: "Whole notebook",
    "pytorch": "PyTorch",
    "tensorflow": "TensorFlow",
    "keras on tensorflow": "Keras on TensorFlow",
    "keras on torch": "Keras on PyTorch",
    "keras on jax": "Keras on JAX",
}
"""How a chapter is run, and how the status page calls it."""
CPU, GPU = "chapters", "gpu"
HEAD = """\
# Written from reports of the tests: `make status`. For each chapter and edition the
# last run that passed: its day, the seconds of its cells, its peak of memory, where it
# ran, and a hash of the cells and outputs it ran with. `gpu` holds the runs with one.
"""


def framework_of_edition(edition: str) -> str | None:
    """Return whose cells an edition holds besides everybody's; None for all cells."""
    return None if edition == WHOLE else edition.partition(" ")[0]


def on_accelerator(run: dict, environment: dict) -> bool:
    """Return whether a run, as reports have it, was on an accelerator."""
    edition = None if run["edition"] == WHOLE else run["edition"]
    seen_by = environment.get("seen_by", [])
    return accelerator.on_accelerator(run["chapter"], edition, seen_by)


def fingerprint(notebook: NotebookNode, framework: str | None = None) -> str:
    """Return a hash of what a run depends on and of what it has to give.

    That is the code cells of the whole notebook, or of a framework's edition, with tags
    and outputs. Text isn't part of it, nor are the numbers and ids of cells.
    """
    kept = ("output_type", "name", "text", "data", "ename", "evalue")
    cells = [
        [
            sorted(tags(cell)),
            cell.source,
            [{key: output.get(key) for key in kept} for output in cell.outputs],
        ]
        for cell in code_cells(notebook)
        if framework is None or in_edition(tags(cell), framework)
    ]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()[:12]


def load(file: Path = FILE) -> dict:
    """Return what is known: environments, and runs on CPU and GPU by chapter."""
    known = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None
    return {"environments": {}, CPU: {}, GPU: {}} | (known or {})


def seconds(file: Path = FILE) -> dict[str, float]:
    """Return how long the cells of each chapter, whole, last took on a CPU."""
    return {
        chapter: editions[WHOLE]["seconds"]
        for chapter, editions in load(file)[CPU].items()
        if WHOLE in editions
    }


def merge(known: dict, report: dict, chapters: dict[str, NotebookNode]) -> list[str]:
    """Put the runs of a report into what is known; return why some were refused."""
    environment = report["environment"]
    text = json.dumps(environment, sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:8]
    known["environments"][name] = environment
    refused = []
    for run in report["runs"]:
        chapter, edition = run["chapter"], run["edition"]
        runs = known[GPU if on_accelerator(run, environment) else CPU]
        if chapter not in chapters:  # not ours, or no more
            continue
        if why := objection(run, report, chapters[chapter]):
            refused.append(f"{chapter}, {edition}: {why}")
            continue
        editions = runs.setdefault(chapter, {})
        if editions.get(edition, {}).get("date", "") <= report["date"]:
            editions[edition] = {
                "date": report["date"],
                "seconds": round(sum(run["seconds"]), 1),
                "memory_mib": run["memory_mib"],
                "environment": name,
                "hash": run["hash"],
            }
    return refused


def objection(run: dict, report: dict, notebook: NotebookNode) -> str:
    """Return why a run proves nothing of a chapter as it is now; empty if it does."""
    if not run["passed"]:
        return "it failed"
    if len(run["seconds"]) != run["cells"]:
        return f"only {len(run['seconds'])} of its {run['cells']} cells ran"
    if run["hash"] != fingerprint(notebook, framework_of_edition(run["edition"])):
        return "the chapter has changed since"
    if not (report["compared"] or on_accelerator(run, report["environment"])):
        return "its outputs were not compared"
    return ""


def dumps(known: dict, chapters: Collection[str]) -> str:
    """Return the text of ``status.yml``: a line for each run of a present chapter."""
    kept = {
        kind: {name: known[kind][name] for name in sorted({*chapters} & {*known[kind]})}
        for kind in (CPU, GPU)
    }
    used = {
        run["environment"]
        for runs in kept.values()
        for editions in runs.values()
        for run in editions.values()
    }
    where = {name: known["environments"][name] for name in sorted(used)}
    lines = [HEAD, yaml.safe_dump({"environments": where}, sort_keys=False, width=88)]
    for kind, runs in kept.items():
        lines.append(f"{kind}:\n" if runs else f"{kind}: {{}}\n")
        for chapter, editions in runs.items():
            lines.append(f"  {chapter}:\n")
            for edition in filter(editions.get, EDITIONS):
                entry = yaml.safe_dump(
                    editions[edition],
                    default_flow_style=True,
                    sort_keys=False,
                    width=1000,  # on one line
                )
                lines.append(f"    {edition}: {entry}")
    return "".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Take over reports from the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.status",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reports", nargs="*", type=Path, help="reports of test runs")
    options = parser.parse_args(arguments)
    files = options.reports or sorted(REPORTS.glob("*.json"))
    if not files:
        parser.error(
            f"no reports in {shown(REPORTS)}: run `make test-notebooks` or "
            "`make test-editions` first"
        )
    chapters = {chapter_name(path): read(path) for path in find()}
    known, refused = load(), []
    for file in files:
        refused += merge(known, json.loads(file.read_text(encoding="utf-8")), chapters)
    write(FILE, dumps(known, chapters))
    print(f"{shown(FILE)}: {sum(map(len, known[CPU].values()))} runs on CPU, "
          f"{sum(map(len, known[GPU].values()))} on GPU")  # fmt: skip
    for line in refused:
        print(f"refused: {line}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
