"""The status page, made from ``book/status.yml`` and the chapters as they are now.

The directive ``{status}`` writes a table for each chapter, a row for each way to run
it, with what is known of the last run that passed; ``{status-summary}`` counts them.
Where cells or outputs have changed since, the row says so: a fact for readers, and
nothing that stops a build.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode
from sphinx.application import Sphinx

from book._ext.mirror import Book, FromData
from tools.groups import in_edition
from tools.notebooks import code_cells, read, tags
from tools.status import (
    CPU,
    EDITIONS,
    FILE,
    GPU,
    fingerprint,
    framework_of_edition,
    load,
)

NEVER, CHANGED, LEFT_OUT = "not yet run", "changed since", "left out by the chapter"
COLUMNS = {  # and how they are aligned
    "Edition": "---",
    "Verified": "---",
    "CPU": "--:",
    "GPU": "--:",
    "Memory": "--:",
    "Cells": "--:",
    "Checks": "--:",
    "Exercises": "--:",
}
VERSIONS = {
    "python": "Python",
    "numpy": "NumPy",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "jax": "JAX",
}


class Edition:
    """A chapter run in one way: what it holds now, and its last runs that passed."""

    def __init__(
        self, name: str, notebook: NotebookNode, runs: tuple[dict | None, ...]
    ):
        framework = framework_of_edition(name)
        self.cells = [
            cell
            for cell in code_cells(notebook)
            if framework is None or in_edition(tags(cell), framework)
        ]
        known = notebook.metadata.threeways.frameworks
        self.left_out = framework is not None and framework not in known
        self.on_cpu, self.on_gpu = runs
        self._fingerprint = fingerprint(notebook, framework)

    def state(self, run: dict | None) -> str:
        """Return what one can say of a run today."""
        if self.left_out:
            return LEFT_OUT
        if run is None:
            return NEVER
        return run["date"] if run["hash"] == self._fingerprint else CHANGED

    def counts(self) -> tuple[int, int, int]:
        """Return the numbers of code cells, of checks they print, and of exercises."""
        outputs = [output for cell in self.cells for output in cell.outputs]
        printed = [line for o in outputs for line in o.get("text", "").splitlines()]
        return (
            len(self.cells),
            sum(line.startswith("✓") for line in printed),
            sum("exercise" in tags(cell) for cell in self.cells),
        )


def status(book: Book) -> Iterator[str]:
    """Write what is known of all chapters, and where it was found out."""
    known = load(book.root / "book" / FILE.name)
    places = {name: n for n, name in enumerate(known["environments"], start=1)}
    yield "\n## Where the chapters ran\n"
    if not places:
        yield f"{NEVER.capitalize()} anywhere."
    for name, number in places.items():
        yield f"{number}. {described(known['environments'][name])}"
    for part, names in book.parts.items():
        yield f"\n## {part}\n"
        for name in names:
            title = book.chapters[name].title
            yield f"\n### {title}\n\n[Read the chapter](../{name}.ipynb)\n"
            yield row(COLUMNS)
            yield row(COLUMNS.values())
            for edition, found in editions(book.root, name, known).items():
                yield row([EDITIONS[edition], *columns(found, known, places)])


def editions(root: Path, page: str, known: dict) -> dict[str, Edition]:
    """Return all ways to run a chapter."""
    notebook = read(root / f"{page}.ipynb")
    name = page.removeprefix("notebooks/")
    on_cpu, on_gpu = known[CPU].get(name, {}), known[GPU].get(name, {})
    return {
        edition: Edition(edition, notebook, (on_cpu.get(edition), on_gpu.get(edition)))
        for edition in EDITIONS
    }


def status_summary(book: Book) -> Iterator[str]:
    """Write how many chapters are verified, in each edition."""
    known = load(book.root / "book" / FILE.name)
    chapters = [editions(book.root, name, known) for name in book.chapters]
    heads = ("Verified as it is", CHANGED.capitalize(), NEVER.capitalize())
    yield row(["Edition", *heads, f"{NEVER.capitalize()} on a GPU"])
    yield row(["---", "--:", "--:", "--:", "--:"])
    for name, title in EDITIONS.items():
        there = [one[name] for one in chapters if not one[name].left_out]
        on_cpu = Counter(one.state(one.on_cpu) for one in there)
        on_gpu = Counter(one.state(one.on_gpu) for one in there)
        dated = on_cpu.total() - on_cpu[CHANGED] - on_cpu[NEVER]
        numbers = (dated, on_cpu[CHANGED], on_cpu[NEVER], on_gpu[NEVER])
        yield row([title, *map(str, numbers)])


def columns(edition: Edition, known: dict, places: dict[str, int]) -> list[str]:
    """Return an edition's row, after its name."""
    if edition.left_out:
        return [LEFT_OUT, *["–"] * (len(COLUMNS) - 2)]
    verified, on_gpu = [], NEVER
    for run in filter(None, (edition.on_cpu, edition.on_gpu)):
        changed = f", {CHANGED}" if edition.state(run) == CHANGED else ""
        verified.append(f"{run['date']} ({places[run['environment']]}){changed}")
    if run := edition.on_gpu:
        where = known["environments"][run["environment"]]
        on_gpu = f"{run['seconds']}&nbsp;s ({accelerator(where)})"
    run = edition.on_cpu or edition.on_gpu
    return [
        "; ".join(verified) or NEVER,
        f"{edition.on_cpu['seconds']}&nbsp;s" if edition.on_cpu else NEVER,
        on_gpu,
        f"{run['memory_mib']}&nbsp;MiB" if run else "–",
        *map(str, edition.counts()),
    ]


def described(where: dict) -> str:
    """Return an environment in words: versions, system, processor, accelerator."""
    parts = [f"{words} {where[key]}" for key, words in VERSIONS.items() if key in where]
    parts += [where["system"], where["cpu"]]
    if "accelerator" in where:
        parts.append(accelerator(where))
    return "; ".join(parts)


def accelerator(where: dict) -> str:
    """Return an environment's accelerator, and the frameworks that saw it."""
    return f"{where['accelerator']}, seen by {', '.join(where['seen_by'])}"


def row(texts) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(texts)} |"


class FromRuns(FromData):
    """Put Markdown made from the runs, too, in the directive's place."""

    def run(self):
        """Return the parsed text, and note the file of runs among its sources."""
        self.env.note_dependency(str(Path(self.env.srcdir, "book", FILE.name)))
        return super().run()


class Status(FromRuns):
    """The directive ``{status}``."""

    write = staticmethod(status)


class StatusSummary(FromRuns):
    """The directive ``{status-summary}``."""

    write = staticmethod(status_summary)


def setup(app: Sphinx) -> dict:
    """Register the directives with Sphinx."""
    app.add_directive("status", Status)
    app.add_directive("status-summary", StatusSummary)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
