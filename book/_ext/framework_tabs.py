"""Framework tabs: consecutive cells of one linear notebook, side by side on the page.

MyST-NB renders each code cell as a container. Once a page is parsed, runs of cells
tagged ``pytorch``, ``tensorflow`` or ``keras`` become one tab set of sphinx-design's
own nodes, synced over the page and remembered on the next one. Builders other than
HTML show what sphinx-design shows there: every tab, under its label.

The extension also labels what a reader should recognise at a glance: exercises to fill
in, folded solutions, and cells that check the three frameworks against each other.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.locale import get_translation
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx_design.shared import create_component

FRAMEWORKS = {"pytorch": "PyTorch", "tensorflow": "TensorFlow", "keras": "Keras"}
"""Each framework's tag and its label, in the order of the tabs."""

CATALOGUE = "framework_tabs"
"""The message catalogue of the few words the extension adds to a page."""

_ = get_translation(CATALOGUE)
logger = logging.getLogger(__name__)


@dataclass
class Group:
    """A run of tagged cells that belong into one tab set."""

    cells: dict[str, list[nodes.container]] = field(default_factory=dict)

    @property
    def first(self) -> nodes.container:
        """The cell that stands first in the notebook."""
        return next(iter(self.cells.values()))[0]

    @property
    def last(self) -> nodes.container:
        """The cell that stands last in the notebook."""
        return next(reversed(self.cells.values()))[-1]

    def takes(self, framework: str, cell: nodes.container) -> bool:
        """Whether ``cell`` follows directly and doesn't return to an earlier tab."""
        follows = (
            cell.parent is self.last.parent
            and cell["cell_index"] == self.last["cell_index"] + 1
        )
        returns = framework in self.cells and framework != list(self.cells)[-1]
        return follows and not returns


def tags(cell: nodes.container) -> list[str]:
    """Return the notebook tags of a cell."""
    return cell["cell_metadata"].get("tags", [])


def code_cells(document: nodes.document) -> Iterator[nodes.container]:
    """Yield the page's code cells in order."""
    for node in document.findall(nodes.container):
        if node.get("nb_element") == "cell_code":
            yield node


def groups(document: nodes.document) -> list[Group]:
    """Return the runs of framework cells, split where a framework comes back."""
    found: list[Group] = []
    for cell in code_cells(document):
        named = [name for name in FRAMEWORKS if name in tags(cell)]
        if not named:
            continue
        if len(named) > 1:
            logger.warning(
                "a cell belongs into one tab, but is tagged %s",
                " and ".join(named),
                location=cell,
                type="framework_tabs",
                subtype="tags",
            )
        framework = named[0]
        if not (found and found[-1].takes(framework, cell)):
            found.append(Group())
        found[-1].cells.setdefault(framework, []).append(cell)
    return found


def chapter_metadata(document: nodes.document) -> dict:
    """Return the ``threeways`` part of the notebook's metadata."""
    for entry in document.findall(nodes.field):
        name, body = entry.children
        if name.astext() == "threeways":
            return json.loads(body.astext())  # MyST-NB keeps it as JSON
    return {}


class FrameworkTabs(SphinxTransform):
    """Put each run of framework cells into a synced tab set, and label the rest."""

    # Before Sphinx looks for messages to translate (10), so that reasons are among them.
    default_priority = 9

    def apply(self, **kwargs) -> None:
        """Transform the page in place."""
        chapter = chapter_metadata(self.document).get("missing", {})
        for group in groups(self.document):
            tabulate(group, reasons(group, chapter))
        for cell in list(code_cells(self.document)):
            label(cell)


def reasons(group: Group, chapter: dict[str, str]) -> dict[str, str]:
    """Return why frameworks are absent from a group; warn where nobody says so."""
    cell = group.first["cell_metadata"].get("threeways", {}).get("missing", {})
    given = {name: why for name, why in {**chapter, **cell}.items() if why.strip()}
    absent = [name for name in FRAMEWORKS if name not in group.cells]
    for name in absent:
        if name not in given:
            logger.warning(
                "these tabs lack %s: add it, or give the reason in the metadata of "
                "their first cell, as threeways.missing.%s",
                FRAMEWORKS[name],
                name,
                location=group.first,
                type="framework_tabs",
                subtype="missing",
            )
    for name in given:
        if name not in absent:
            logger.warning(
                "threeways.missing names %s, which is not missing here",
                name,
                location=group.first,
                type="framework_tabs",
                subtype="stale",
            )
    return {name: given[name] for name in absent if name in given}


def tabulate(group: Group, missing: dict[str, str]) -> None:
    """Replace the cells of ``group`` by one tab set, with a note on missing tabs."""
    tab_set = create_component("tab-set", classes=["sd-tab-set", "framework-tabs"])
    tab_set.source, tab_set.line = group.first.source, group.first.line
    group.first.parent.insert(group.first.parent.index(group.first), tab_set)
    for framework, name in FRAMEWORKS.items():
        if cells := group.cells.get(framework):
            for cell in cells:
                cell.parent.remove(cell)
            tab_set += tab_item(framework, name, cells)
    for framework, reason in missing.items():
        tab_set += missing_note(framework, reason, group.first)


def tab_item(framework: str, name: str, cells: list[nodes.container]) -> nodes.Element:
    """Return what sphinx-design's ``tab-item`` directive would for these cells."""
    rubric = nodes.rubric(
        "", name, classes=["sd-tab-label"], sync_group="framework", sync_id=framework
    )
    content = create_component(
        "tab-content", classes=["sd-tab-content"], children=cells
    )
    return create_component(
        "tab-item", classes=["sd-tab-item"], children=[rubric, content]
    )


def missing_note(
    framework: str, reason: str, cell: nodes.container
) -> nodes.container:
    """Return the small note that says why a framework has no tab."""
    heading = _("No %s tab:") % FRAMEWORKS[framework]
    why = nodes.paragraph(reason, reason)
    why.source, why.line = cell.source, cell.line  # hence translatable
    return nodes.container(
        "", nodes.paragraph("", heading), why, classes=["framework-missing"]
    )


def label(cell: nodes.container) -> None:
    """Say what a cell is for, where its tag gives it a part to play."""
    if cell.get("hide_mode"):
        solution = "solution" in tags(cell)
        cell["prompt_show"] = _("Show solution") if solution else _("Show code")
        cell["prompt_hide"] = _("Hide solution") if solution else _("Hide code")
    elif "exercise" in tags(cell):
        insert_label(cell, _("Your turn"))
    elif "parity" in tags(cell):
        insert_label(cell, _("Checked across frameworks"))


def insert_label(cell: nodes.container, text: str) -> None:
    """Put a line of small print on top of a cell."""
    cell.insert(0, nodes.paragraph("", text, classes=["cell-label"]))


def visit_fold(translator, node: HideCodeCellNode) -> None:
    """Open a folded cell.

    MyST-NB names every fold "Toggle hidden content" to screen readers, whatever its
    text says, and puts paragraphs into the summary, which HTML forbids.
    """
    show, hide = escape(node["prompt_show"]), escape(node["prompt_hide"])
    translator.body.append(
        '<details class="fold"><summary>'
        f'<span class="collapsed">{show}</span><span class="expanded">{hide}</span>'
        "</summary>\n"
    )


def depart_fold(translator, node: HideCodeCellNode) -> None:
    """Close a folded cell."""
    translator.body.append("</details>\n")


def setup(app: Sphinx) -> dict:
    """Register the transform, its script and its few words with Sphinx."""
    app.setup_extension("myst_nb")
    app.setup_extension("sphinx_design")
    app.add_message_catalog(CATALOGUE, str(Path(__file__).parent / "locale"))
    app.add_node(HideCodeCellNode, override=True, html=(visit_fold, depart_fold))
    app.add_transform(FrameworkTabs)
    app.add_js_file("framework_tabs.js", **{"data-frameworks": " ".join(FRAMEWORKS)})
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
