"""Which neighbouring cells form one set of framework tabs.

The page (``book/_ext``), the hygiene rules and the editions all divide a chapter with
the functions of this module, so they can't disagree. It needs nothing but Python.
"""

from collections.abc import Collection, Iterable

FRAMEWORKS = ("pytorch", "tensorflow", "keras")


def framework_of(tags: Collection[str]) -> str | None:
    """Return the framework that a cell with these tags belongs to, if any."""
    return next((name for name in FRAMEWORKS if name in tags), None)


def in_edition(tags: Collection[str], framework: str) -> bool:
    """Return whether a cell with these tags is part of a framework's edition."""
    return framework_of(tags) in (None, framework) and "parity" not in tags


def framework_groups(cells: Iterable[Collection[str]]) -> list[dict[str, list[int]]]:
    """Divide a run of cells into tab groups.

    Consecutive cells of a framework share its tab. A cell without a framework ends the
    group, and so does a framework that comes back after another one.

    Parameters
    ----------
    cells
        The tags of each cell in reading order; none for a markdown cell.

    Returns
    -------
    list of dict
        For each group, the positions of its cells, tab by tab in reading order.

    Examples
    --------
    >>> framework_groups([["pytorch"], ["pytorch"], ["keras"], [], ["pytorch"]])
    [{'pytorch': [0, 1], 'keras': [2]}, {'pytorch': [4]}]
    """
    groups = []
    before = None
    for position, tags in enumerate(cells):
        framework = framework_of(tags)
        if framework:
            comes_back = framework != before and groups and framework in groups[-1]
            if before is None or comes_back:
                groups.append({})
            groups[-1].setdefault(framework, []).append(position)
        before = framework
    return groups
