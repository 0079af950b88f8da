"""Rules on all chapters together."""

from collections import defaultdict
from graphlib import CycleError, TopologicalSorter

from tools.hygiene.text import markdown_cells, tokens
from tools.notebooks import chapter_name


def sources_claimed_once(book):
    """Each item of the sources has one main place in the book."""
    claims = defaultdict(set)
    for path, notebook in book.items():
        for source in _own(notebook).get("sources", []):
            claims[source].add(chapter_name(path))
    for source, places in claims.items():
        if len(places) > 1:
            yield f"{' and '.join(sorted(places))} claim the source {source}. Keep one."


def labels_unique(book):
    """A label belongs to one formula of the book."""
    formulas = defaultdict(list)
    for path, notebook in book.items():
        for cell in markdown_cells(notebook):
            for token in tokens(cell.source):
                if token.type == "math_block_label":
                    formulas[token.info].append(f"{chapter_name(path)} [{cell.id}]")
    for label, places in formulas.items():
        if len(places) > 1:
            yield f"{' and '.join(places)} share the label ({label}). Rename one."


def prerequisites_acyclic(book):
    """The chapters can be read in an order that keeps all prerequisites."""
    graph = {chapter_name(p): _own(n).get("prerequisites", []) for p, n in book.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"the prerequisites {' → '.join(error.args[1])} go round. Drop one."


def _own(notebook):
    return notebook.metadata.get("threeways", {})
