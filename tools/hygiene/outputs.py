"""Rules on what was run and what came out."""

import re

from nbformat.validator import iter_validate

from tools.normalise import ANSI, normalise
from tools.notebooks import code_cells, dumps, tags

MIN_ALT = 40  # characters

_ABSOLUTE = re.compile(
    r"(?<![\w./:-])(/(home|Users|root|tmp|var|usr|opt|mnt|private|content)/\w"
    r"|[A-Z]:\\(Users|Windows|Program|[Tt]emp)|file://)[^\s'\"]*"
)
_ADDRESS = re.compile(r"<[^<>\n]* at 0x[0-9a-f]+>")
_MERE_FIGURE = re.compile(r"(an? |the )?(figure|image|picture)\b", re.I)


def executed_in_order(path, notebook):
    """Every code cell ran, once, from top to bottom."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        if cell.execution_count is None:
            yield cell, "was never run, so nbval would not compare it. Refresh it."
        elif cell.execution_count != number:
            yield cell, f"ran as number {cell.execution_count}, not {number}. Refresh."


def no_stderr(path, notebook):
    """Warnings and logs are not part of a page."""
    for cell, output in cell_outputs(notebook):
        if output.get("name") == "stderr":
            yield cell, "stores stderr. Mend what it warns of, then refresh."


def errors_announced(path, notebook):
    """An error is stored where the cell's tag announces it, and only there."""
    for cell in code_cells(notebook):
        raised = any(output.output_type == "error" for output in cell.outputs)
        announced = "raises-exception" in tags(cell)
        if raised and not announced:
            yield cell, "stores an error. Mend it, or tag it raises-exception."
        if announced and not raised:
            yield cell, "is tagged raises-exception and stores no error. Drop the tag."


def normal_form(path, notebook):
    """The file is what ``tools.refresh`` would write."""
    advice = "isn't in normal form. Run python -m tools.refresh --no-execute."
    if errors := list(iter_validate(notebook)):  # unlike validate, it repairs nothing
        yield None, f"isn't a valid notebook: {errors[0].message}. {advice}"
        return
    normal = normalise(notebook)
    pairs = zip(notebook.cells, normal.cells, strict=True)
    different = [cell for cell, other in pairs if cell != other]
    yield from ((cell, advice) for cell in different)
    if not different and dumps(normal) != path.read_text(encoding="utf-8"):
        yield None, advice


def pictures_described(path, notebook):
    """Each picture has alt text of its own, and each alt text a picture."""
    seen = {}
    for cell in code_cells(notebook):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        bundles = [output.get("data", {}) for output in cell.outputs]
        kinds = [kind for data in bundles for kind in data if kind.startswith("image/")]
        if alt and not kinds:
            yield cell, "has alt text but draws nothing. Drop mystnb.image.alt."
        if not kinds:
            continue
        if set(kinds) != {"image/png"}:
            yield cell, f"draws {', '.join(sorted(set(kinds)))}. Draw PNG."
        if len(kinds) > 1:
            yield cell, f"draws {len(kinds)} pictures with one alt text. Split it."
        if not alt:
            yield cell, "draws a picture without alt text. Set mystnb.image.alt."
        elif len(alt) < MIN_ALT or _MERE_FIGURE.match(alt):
            yield cell, f"has the alt text {alt!r}. Say what one would miss unseen."
        elif alt in seen:
            yield cell, f"repeats the alt text of [{seen[alt]}]. Say what differs."
        seen.setdefault(alt, cell.get("id"))


def no_absolute_paths(path, notebook):
    """Nothing tells of the machine that ran the notebook."""
    texts = [(cell, cell.source) for cell in notebook.cells]
    texts += [(cell, _words(output)) for cell, output in cell_outputs(notebook)]
    for cell, text in texts:
        if found := _ABSOLUTE.search(text):
            yield cell, f"names the absolute path {found[0]}. Use a relative one."


def no_addresses(path, notebook):
    """No output shows where in memory an object lies: that changes with every run."""
    for cell, output in cell_outputs(notebook):
        if found := _ADDRESS.search(_words(output)):
            yield cell, f"shows {found[0]}. Print what matters, or assign it to a name."


def cell_outputs(notebook):
    """Iterate over the outputs of a notebook, with their cells."""
    return ((cell, output) for cell in code_cells(notebook) for output in cell.outputs)


def _words(output):
    """Return all text of an output."""
    data = output.get("data", {})
    parts = [str(data[kind]) for kind in data if kind != "image/png"]
    parts += [output.get("text", ""), output.get("evalue", "")]
    return ANSI.sub("", "\n".join([*parts, *output.get("traceback", [])]))
