"""The framework-tab extension, on document trees built by hand."""

import logging

import pytest
from docutils import nodes
from docutils.utils import new_document

from book._ext import framework_tabs
from book._ext.framework_tabs import reasons, tab_groups, tabulate

REASONS = {"keras": "it has none.", "tensorflow": "it can't."}


def page(*cells: str | None, missing: dict | None = None) -> nodes.document:
    """Return a page with a code cell for each tag, and a paragraph for each None.

    The first cell carries the reasons in ``missing``.
    """
    document = new_document("page")
    section = nodes.section()
    document += section
    for index, tag in enumerate(cells):
        if tag is None:
            section += nodes.paragraph("", "prose")
            continue
        metadata = {"tags": tag.split()}
        if index == 0 and missing:
            metadata["threeways"] = {"missing": missing}
        section += nodes.container(
            "",
            nodes.literal_block("", tag),
            nb_element="cell_code",
            cell_index=index,
            cell_metadata=metadata,
        )
    return document


def groups(*cells: str | None) -> list[dict[str, list[str]]]:
    """Return the tab groups of a page, each cell as its tags."""
    return [
        {name: [cell.astext() for cell in run] for name, run in group.items()}
        for group in tab_groups(page(*cells))
    ]


def tabulated(*cells: str | None, **kwargs) -> nodes.document:
    """Return a page after the transform of its groups."""
    document = page(*cells, **kwargs)
    for group in tab_groups(document):
        tabulate(group, reasons(group, {}))
    return document


def components(document: nodes.Node, name: str) -> list[nodes.container]:
    """Return sphinx-design's components of a kind."""
    containers = document.findall(nodes.container)
    return [node for node in containers if node.get("design_component") == name]


def test_neighbours_form_one_group():
    assert groups("pytorch", "tensorflow", "keras") == [
        {"pytorch": ["pytorch"], "tensorflow": ["tensorflow"], "keras": ["keras"]}
    ]


def test_neighbours_of_one_framework_share_its_tab():
    (group,) = groups("pytorch", "pytorch", "keras")
    assert {name: len(run) for name, run in group.items()} == {"pytorch": 2, "keras": 1}


@pytest.mark.parametrize("between", [None, "", "numpy", "parity"])
def test_anything_else_ends_a_group(between):
    assert len(groups("pytorch", between, "tensorflow")) == 2


def test_a_framework_that_comes_back_starts_a_group():
    assert [list(group) for group in groups("pytorch", "keras", "pytorch")] == [
        ["pytorch", "keras"],
        ["pytorch"],
    ]


def test_other_tags_come_along():
    assert groups("exercise pytorch") == [{"pytorch": ["exercise pytorch"]}]


def test_page_without_framework_cells_stays_as_it_is():
    before = page("numpy", None, "")
    assert tabulated("numpy", None, "").pformat() == before.pformat()


def test_tabs_stand_where_the_cells_stood():
    section = tabulated("", "pytorch", "tensorflow", "keras", None)[0]
    kinds = [node.get("design_component", node.tagname) for node in section]
    assert kinds == ["container", "tab-set", "paragraph"]


def test_tabs_are_labelled_and_synced_in_the_books_order():
    document = tabulated("keras", "pytorch", "tensorflow")
    labels = list(document.findall(nodes.rubric))
    assert [label.astext() for label in labels] == ["PyTorch", "TensorFlow", "Keras"]
    assert [label["sync_id"] for label in labels] == ["pytorch", "tensorflow", "keras"]
    assert {label["sync_group"] for label in labels} == {"framework"}


def test_every_cell_is_kept_once_and_in_order():
    document = tabulated("keras", "keras second", "pytorch", "tensorflow")
    contents = components(document, "tab-content")
    texts = [[cell.astext() for cell in content] for content in contents]
    assert texts == [["pytorch"], ["tensorflow"], ["keras", "keras second"]]


def test_a_complete_group_raises_no_warning(caplog):
    tabulated("pytorch", "tensorflow", "keras")
    assert caplog.records == []


@pytest.mark.parametrize("missing", [None, {"keras": ""}, {"keras": "  "}])
def test_a_missing_tab_without_a_reason_is_a_warning(caplog, missing):
    tabulated("pytorch", "tensorflow", missing=missing)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "lack Keras" in record.getMessage()


def test_a_reason_is_shown_and_silences_the_warning(caplog):
    document = tabulated("pytorch", missing=REASONS)
    assert caplog.records == []
    notes = [
        node.astext()
        for node in document.findall(nodes.container)
        if "framework-missing" in node["classes"]
    ]
    assert notes == ["No TensorFlow tab:\n\nit can't.", "No Keras tab:\n\nit has none."]


def test_the_chapters_reason_holds_for_every_group(caplog):
    (group,) = tab_groups(page("pytorch", "tensorflow"))
    assert reasons(group, {"keras": "never."}) == {"keras": "never."}
    assert caplog.records == []


def test_a_cells_reason_beats_the_chapters():
    (group,) = tab_groups(page("pytorch", "tensorflow", missing={"keras": "here."}))
    assert reasons(group, {"keras": "never."}) == {"keras": "here."}


def test_a_reason_for_a_tab_that_is_there_is_a_warning(caplog):
    tabulated("pytorch", "tensorflow", "keras", missing={"keras": "it has none."})
    (record,) = caplog.records
    assert "names keras, which is not missing" in record.getMessage()


@pytest.mark.parametrize(
    ("tags", "shown"),
    [("solution hide-cell", "Show solution"), ("hide-input", "Show code")],
)
def test_folds_say_what_they_hide(tags, shown):
    (cell,) = framework_tabs.code_cells(page(tags)).values()
    cell["hide_mode"] = "all"  # as MyST-NB sets it
    framework_tabs.label(cell)
    assert cell["prompt_show"] == shown


@pytest.mark.parametrize(
    ("tags", "text"),
    [("exercise", "Your turn"), ("parity", "Checked across frameworks")],
)
def test_cells_say_what_they_are_for(tags, text):
    (cell,) = framework_tabs.code_cells(page(tags)).values()
    framework_tabs.label(cell)
    assert cell[0].astext() == text


def test_an_ordinary_cell_gets_no_label():
    (cell,) = framework_tabs.code_cells(page("numpy")).values()
    framework_tabs.label(cell)
    assert [child.tagname for child in cell] == ["literal_block"]


def test_the_chapters_metadata_is_read():
    document = page("pytorch")
    document.insert(
        0,
        nodes.field_list(
            "",
            nodes.field(
                "",
                nodes.field_name("", "threeways"),
                nodes.field_body("", nodes.literal("", '{"missing": {"keras": "x"}}')),
            ),
        ),
    )
    assert framework_tabs.chapter_metadata(document) == {"missing": {"keras": "x"}}
    assert framework_tabs.chapter_metadata(page("pytorch")) == {}
