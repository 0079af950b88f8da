"""Rules on what a chapter declares in its metadata and tags."""

import functools
import re
from collections import Counter

from tools.groups import FRAMEWORKS, framework_groups, framework_of
from tools.notebooks import ROOT, tags

KEYS = ("frameworks", "missing", "prerequisites", "sources", "summary", "title")
OPTIONAL = ("packages",)
"""What a chapter may leave out: packages it needs beyond the frameworks."""
LANGUAGES = (*FRAMEWORKS, "numpy", "parity")
"""The tags that say what a cell may import; a cell has one at most."""
TAGS = {
    *LANGUAGES,
    *("exercise", "solution"),
    *("hide-input", "hide-cell"),
    *("raises-exception", "nbval-ignore-output"),
}
MAX_SUMMARY, MIN_REASON = 120, 15  # characters

_SOURCE = re.compile(r"D[0-4]\.[BCFAKQTXR][0-9]+(\.[0-9]+)?")


def metadata_declared(path, notebook):
    """The notebook's metadata says what the chapter is about and builds on."""
    own = notebook.metadata.get("threeways", {})
    if sorted(own.keys() - {*OPTIONAL}) != sorted(KEYS):
        yield None, f"metadata.threeways has {sorted(own)}. Give it {list(KEYS)}."
        return
    if not re.fullmatch(r"[a-z][a-z0-9_]*", path.stem):
        yield None, "isn't named in lower-case words joined by underscores. Rename it."
    summary = own["summary"]
    if not summary or "\n" in summary or len(summary) > MAX_SUMMARY:
        yield None, f"needs a summary of one line, of {MAX_SUMMARY} characters or less."
    for name in own["prerequisites"]:
        if not _is_other_chapter(path, name):
            yield None, f"builds on {name!r}, no other chapter. Name those that exist."
    for source, count in Counter(own["sources"]).items():
        if not _SOURCE.fullmatch(source):
            yield None, f"claims the source {source!r}. Write it as in D0.C10."
        if count > 1:
            yield None, f"claims the source {source} {count} times. Claim it once."
    for name in own.get("packages", []):
        if name not in _pinned():
            yield None, f"wants {name!r}. Pin it in requirements.txt, or drop it."
    shown, missing = own["frameworks"], own["missing"]
    if sorted([*shown, *missing]) != sorted(FRAMEWORKS):
        yield None, f"must name each of {FRAMEWORKS} in frameworks or in missing."
    used = {framework_of(tags(cell)) for cell in notebook.cells}
    for name in FRAMEWORKS:
        if name in shown and name not in used:
            yield None, f"declares {name} and has no cell of it. Move it to missing."
        if name in used and name not in shown:
            yield None, f"has cells of {name}. Declare it in frameworks."
    yield from ((None, text) for text in _poor_reasons(missing))


def tags_allowed(path, notebook):
    """Cells carry tags that mean something, in combinations that make sense."""
    for cell in notebook.cells:
        names = set(tags(cell))
        if names and cell.cell_type != "code":
            yield cell, f"is text with the tags {sorted(names)}. Drop them."
        if names - TAGS:
            yield cell, f"has the tags {sorted(names - TAGS)}. Use {sorted(TAGS)}."
        if len(names.intersection(LANGUAGES)) > 1:
            yield cell, f"has several of the tags {LANGUAGES}. Keep one."
        if {"exercise", "solution"} <= names:
            yield cell, "is an exercise and its solution at once. Split it."
        if names & {"exercise", "solution"} and names & {"numpy", "parity"}:
            yield cell, "is part of an exercise, so it can't be numpy or parity."
        if "solution" in names and "hide-cell" not in names:
            yield cell, "is a solution in plain sight. Tag it hide-cell as well."
        if cell.cell_type == "code" and re.search(r"# *(NBVAL|PYTEST)_", cell.source):
            yield cell, "tells nbval by a comment to look away. Drop the comment."


def tabs_complete(path, notebook):
    """Each tab group shows all frameworks, or says why not."""
    elsewhere = notebook.metadata.get("threeways", {}).get("missing", {})
    groups = framework_groups(tags(cell) for cell in notebook.cells)
    starts = [next(iter(group.values()))[0] for group in groups]
    for position, group in zip(starts, groups, strict=True):
        cell = notebook.cells[position]
        reasons = _missing(cell)
        for name in FRAMEWORKS:
            if name not in [*group, *elsewhere, *reasons]:
                yield cell, f"begins tabs without {name}. Add it, or say why not."
            if name in group and name in reasons:
                yield cell, f"says why {name} is missing, but it's there. Drop that."
        yield from ((cell, text) for text in _poor_reasons(reasons))
    for position, cell in enumerate(notebook.cells):
        if _missing(cell) and position not in starts:
            yield cell, "doesn't begin tabs. Move threeways.missing to where they do."


def _missing(cell):
    return cell.metadata.get("threeways", {}).get("missing", {})


def _poor_reasons(reasons):
    for name, reason in reasons.items():
        if name not in FRAMEWORKS:
            yield f"says why {name!r} is missing, which is no framework. Drop it."
        elif len(reason) < MIN_REASON:
            yield f"leaves out {name} because of {reason!r}. Say why in a sentence."


@functools.cache
def _pinned():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w-]+)==", text, re.M))


def _is_other_chapter(path, name):
    root = next((folder for folder in path.parents if folder.name == "notebooks"), None)
    file = root and root / f"{name}.ipynb"
    return bool(file) and file.is_file() and file != path
