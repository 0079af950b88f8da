"""Rules that every stored chapter keeps, so that a page shows what was really run.

    python -m tools.hygiene                              # every chapter
    python -m tools.hygiene notebooks/foundations/tensors.ipynb

A rule is a function of a path and its notebook. It yields what is wrong as pairs: the
cell (None for the notebook as a whole), and a message that says what to do about it.
A book rule looks at all chapters at once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from nbformat import NotebookNode

from tools.hygiene import book, code, declared, exercises, outputs, text
from tools.notebooks import shown

Problems = Iterator[tuple[NotebookNode | None, str]]

RULES: tuple[Callable[[Path, NotebookNode], Problems], ...] = (
    outputs.executed_in_order,
    outputs.no_stderr,
    outputs.errors_announced,
    outputs.normal_form,
    outputs.pictures_described,
    outputs.no_absolute_paths,
    outputs.no_addresses,
    declared.metadata_declared,
    declared.tags_allowed,
    declared.tabs_complete,
    text.title_first,
    text.sections_in_order,
    text.headings_filled,
    text.heading_levels,
    text.links_resolve,
    text.plain_markdown,
    text.formulas_labelled,
    text.no_leftovers,
    code.plain_python,
    code.imports_allowed,
    code.public_interfaces,
    code.no_network,
    code.clocks_uncompared,
    code.numpy_cells_pure,
    code.short_code,
    exercises.exercises_complete,
    exercises.exercise_checks_named,
)
BOOK_RULES: tuple[Callable[[dict[Path, NotebookNode]], Iterator[str]], ...] = (
    book.sources_claimed_once,
    book.labels_unique,
    book.prerequisites_acyclic,
)


def problems(rule: Callable, path: Path, notebook: NotebookNode) -> list[str]:
    """Return what one rule finds wrong with a notebook, a line for each problem."""
    return [
        f"{shown(path)} [{cell.get('id')}]: {message}"
        if cell
        else f"{shown(path)}: {message}"
        for cell, message in rule(path, notebook)
    ]
