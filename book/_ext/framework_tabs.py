"""Framework tabs: consecutive cells of one linear notebook, side by side on the page.

MyST-NB renders each code cell as a container. Once a page is parsed, runs of cells
tagged ``pytorch``, ``tensorflow`` or ``keras`` become one tab set of sphinx-design's
own nodes, synced over the page and remembered on the next one. Builders other than
HTML show what sphinx-design shows there: every tab, under its label.

The extension also labels what a reader should recognise at a glance: exercises to fill
in, folded solutions, and cells that check the three frameworks against each other.
"""

import json
from html import escape
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.locale import get_translation
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx_design.shared import create_component

from tools.groups import FRAMEWORKS, framework_groups

NAMES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow", "keras": "Keras"}
"""The label of each framework's tab."""

CATALOGUE = "framework_tabs"
"""The message catalogue of the few words the extension adds to a page."""

_ = get_translation(CATALOGUE)
logger = logging.getLogger(__name__)


Group = dict[str, list[nodes.container]]
"""A tab group: the cells of each framework, in the order of the notebook."""


def first(group: Group) -> nodes.container:
    """Return the group's first cell, the one that carries its metadata."""
    return next(iter(group.values()))[0]


def tags(cell: nodes.container) -> list[str]:
    """Return the notebook tags of a cell."""
    return cell["cell_metadata"].get("tags", [])


def code_cells(document: nodes.document) -> dict[int, nodes.container]:
    """Return the page's code cells by their position in the notebook."""
    return {
        node["cell_index"]: node
        for node in document.findall(nodes.container)
        if node.get("nb_element") == "cell_code"
    }


def tab_groups(document: nodes.document) -> list[Group]:
    """Return the runs of framework cells that become one tab set each."""
    cells = code_cells(document)
    positions = range(max(cells, default=-1) + 1)
    divided = framework_groups(tags(cells[n]) if n in cells else [] for n in positions)
    return [
        {framework: [cells[n] for n in run] for framework, run in group.items()}
        for group in divided
    ]


def chapter_metadata(document: nodes.document) -> dict:
    """Return the ``threeways`` part of the notebook's metadata."""
    for entry in document.findall(nodes.field):
        name, body = entry.children
        if name.astext() == "threeways":
            return json.loads(body.astext())  # MyST-NB keeps it as JSON
    return {}


class FrameworkTabs(SphinxTransform):
    """Put each run of framework cells into a synced tab set, and label the rest."""

    # Before Sphinx looks for messages to translate (10): reasons are among them.
    default_priority = 9

    def apply(self, **kwargs) -> None:
        """Transform the page in place."""
        chapter = chapter_metadata(self.document).get("missing", {})
        for group in tab_groups(self.document):
            tabulate(group, reasons(group, chapter))
        for cell in code_cells(self.document).values():
            label(cell)


def reasons(group: Group, chapter: dict[str, str]) -> dict[str, str]:
    """Return why frameworks are absent from a group; warn where nobody says so."""
    cell = first(group)["cell_metadata"].get("threeways", {}).get("missing", {})
    given = {name: why for name, why in {**chapter, **cell}.items() if why.strip()}
    absent = [name for name in FRAMEWORKS if name not in group]
    for name in absent:
        if name not in given:
            logger.warning(
                "these tabs lack %s: add it, or give the reason in the metadata of "
                "their first cell, as threeways.missing.%s",
                NAMES[name],
                name,
                location=first(group),
                type="framework_tabs",
                subtype="missing",
            )
    for name in given:
        if name not in absent:
            logger.warning(
                "threeways.missing names %s, which is not missing here",
                name,
                location=first(group),
                type="framework_tabs",
                subtype="stale",
            )
    return {name: given[name] for name in absent if name in given}


def tabulate(group: Group, missing: dict[str, str]) -> None:
    """Replace the cells of ``group`` by one tab set, with a note on missing tabs."""
    start = first(group)
    tab_set = create_component("tab-set", classes=["sd-tab-set", "framework-tabs"])
    tab_set.source, tab_set.line = start.source, start.line
    start.parent.insert(start.parent.index(start), tab_set)
    for framework in FRAMEWORKS:  # the order of the tabs, whatever that of the cells
        if cells := group.get(framework):
            for cell in cells:
                cell.parent.remove(cell)
            tab_set += tab_item(framework, cells)
    for framework, reason in missing.items():
        tab_set += missing_note(framework, reason, start)


def tab_item(framework: str, cells: list[nodes.container]) -> nodes.Element:
    """Return what sphinx-design's ``tab-item`` directive would for these cells."""
    rubric = nodes.rubric("", NAMES[framework], classes=["sd-tab-label"])
    rubric["sync_group"], rubric["sync_id"] = "framework", framework
    rubric["translatable"] = False  # a proper name
    content = create_component(
        "tab-content", classes=["sd-tab-content"], children=cells
    )
    return create_component(
        "tab-item", classes=["sd-tab-item"], children=[rubric, content]
    )


def missing_note(framework: str, reason: str, cell: nodes.container) -> nodes.container:
    """Return the small note that says why a framework has no tab."""
    heading = own_words(_("No %s tab:") % NAMES[framework])
    why = nodes.paragraph(reason, reason)
    why.source, why.line = cell.source, cell.line  # hence translatable
    return create_component(
        "div", classes=["framework-missing"], children=[heading, why]
    )


def own_words(text: str, *classes: str) -> nodes.paragraph:
    """Return a paragraph in words of this extension's catalogue, not of the chapter."""
    return nodes.paragraph("", text, classes=list(classes), translatable=False)


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
    cell.insert(0, own_words(text, "cell-label"))


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
