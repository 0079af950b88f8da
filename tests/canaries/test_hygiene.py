"""Each rule of ``tools.hygiene`` turns red when a chapter breaks it, and only that one.

A canary breaks a copy of the fixture chapter in one way, and names the rule that must
turn red. Where two must, each of them would do.
"""

import base64
import shutil
import zlib

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from tools.hygiene import BOOK_RULES, RULES, exercises, problems
from tools.normalise import renumber
from tools.notebooks import ROOT, dumps, read

FIXTURE = ROOT / "tests" / "fixtures" / "chapter.ipynb"
CANARIES = []


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The place for a chapter in a book with a bibliography and one more chapter."""
    foundations = tmp_path / "notebooks" / "foundations"
    foundations.mkdir(parents=True)
    shutil.copy(FIXTURE, foundations / "other.ipynb")
    (tmp_path / "book").mkdir()
    for page in (ROOT / "book").glob("references.*"):
        shutil.copy(page, tmp_path / "book")
    names = ["chapter.zero", "chapter.ones", "chapter.tensor"]
    monkeypatch.setattr(exercises, "registered", lambda chapter: names)
    return foundations / "chapter.ipynb"


def red(path):
    """Return the names of the rules that a stored notebook breaks."""
    notebook = read(path)
    return {rule.__name__ for rule in RULES if problems(rule, path, notebook)}


def test_fixture_keeps_every_rule(path):
    shutil.copy(FIXTURE, path)
    assert red(path) == set()


def pytest_generate_tests(metafunc):
    if "canary" in metafunc.fixturenames:
        ids = [f"{canary[0].__name__}-{n}" for n, canary in enumerate(CANARIES)]
        metafunc.parametrize("canary", CANARIES, ids=ids)


def test_rule_turns_red(path, canary):
    breaks, arguments, rules = canary
    notebook = read(FIXTURE)
    breaks(notebook, *arguments)
    text = dumps(notebook)
    assert text != FIXTURE.read_text(encoding="utf-8"), "the canary changes nothing"
    path.write_text(text, encoding="utf-8")
    assert red(path) == rules


def test_a_declared_package_may_be_imported_but_not_by_numpy_cells(path):
    notebook = read(FIXTURE)
    notebook.metadata.threeways.packages = ["tqdm", "pillow"]
    cell(notebook, "imports").source += "\nimport tqdm\nfrom PIL import Image"
    path.write_text(dumps(notebook), encoding="utf-8")
    assert red(path) == set()
    cell(notebook, "sum-of-squares").source = "import tqdm"
    path.write_text(dumps(notebook), encoding="utf-8")
    assert "imports_allowed" in red(path)


def test_a_page_may_call_its_own_machine(path):
    notebook = read(FIXTURE)
    cell(notebook, "imports").source += "\nprint if 1 else get('http://127.0.0.1:80')"
    path.write_text(dumps(notebook), encoding="utf-8")
    assert "no_network" not in red(path)


def test_every_rule_has_a_canary():
    assert set().union(*(rules for _, _, rules in CANARIES)) == {
        rule.__name__ for rule in RULES
    }


def broken_by(*arguments, rules):
    """Register a canary: a function that breaks a notebook, called with arguments."""

    def register(function):
        CANARIES.append((function, arguments, set(rules.split())))
        return function

    return register


def cell(notebook, name):
    """Return the cell with that id."""
    return next(cell for cell in notebook.cells if cell.id == name)


# --- What was run and what came out ---------------------------------------------------


@broken_by(rules="executed_in_order")
def unrun(notebook):
    cell(notebook, "half-pytorch").execution_count = None


@broken_by(rules="executed_in_order")
def run_twice(notebook):
    cell(notebook, "half-pytorch").execution_count += 1


@broken_by(rules="executed_in_order")
def moved_after_the_run(notebook):
    here = notebook.cells.index(cell(notebook, "sum-pytorch"))
    parity = cell(notebook, "sum-parity")
    notebook.cells.remove(parity)
    notebook.cells.insert(here, parity)


@broken_by(rules="no_stderr normal_form")
def stderr_stored(notebook):
    warning = new_output("stream", name="stderr", text="UserWarning: careful")
    cell(notebook, "half-pytorch").outputs.append(warning)


@broken_by(rules="errors_announced")
def error_without_tag(notebook):
    del cell(notebook, "words").metadata["tags"]


@broken_by(rules="errors_announced")
def tag_without_error(notebook):
    cell(notebook, "words").outputs = []


@broken_by({"collapsed": True}, rules="normal_form")
@broken_by({"execution": {"iopub.execute_input": "2026-11-21"}}, rules="normal_form")
def metadata_of_an_editor(notebook, metadata):
    cell(notebook, "imports").metadata.update(metadata)


@broken_by(rules="normal_form")
def metadata_of_a_kernel(notebook):
    notebook.metadata.kernelspec.display_name = "my environment"


@broken_by("6f1d2c3b", rules="normal_form")
@broken_by("words", rules="normal_form")
def cell_id(notebook, name):
    cell(notebook, "imports").id = name


@broken_by(rules="normal_form")
def version_in_a_picture(notebook):
    data = cell(notebook, "picture").outputs[0].data
    png = base64.b64decode(data["image/png"])
    chunk = b"tEXta\0bc"
    comment = b"\0\0\0\x04" + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    data["image/png"] = base64.b64encode(png[:33] + comment + png[33:]).decode()


@broken_by(rules="normal_form")
def frame_of_a_library(notebook):
    traceback = cell(notebook, "words").outputs[0].traceback
    traceback.insert(2, "File numpy/core.py:3, in sum(x)")


@broken_by(rules="normal_form")
def invalid_output(notebook):
    cell(notebook, "imports").outputs = [NotebookNode(output_type="nonsense")]


@broken_by("", rules="pictures_described normal_form")
@broken_by("Squares.", rules="pictures_described")
@broken_by("Figure 1: the squares of three values.........", rules="pictures_described")
def alt_text(notebook, alt):
    cell(notebook, "picture").metadata.mystnb.image.alt = alt


@broken_by(rules="pictures_described")
def no_alt_text(notebook):
    del cell(notebook, "picture").metadata["mystnb"]


@broken_by(rules="pictures_described")
def alt_text_without_picture(notebook):
    metadata = cell(notebook, "picture").metadata
    cell(notebook, "value").metadata.update(metadata)


@broken_by(rules="pictures_described")
def alt_text_used_twice(notebook):
    outputs = cell(notebook, "picture").outputs
    cell(notebook, "imports").outputs = outputs
    cell(notebook, "imports").metadata = cell(notebook, "picture").metadata


@broken_by(rules="pictures_described")
def two_pictures_in_a_cell(notebook):
    cell(notebook, "picture").outputs *= 2


@broken_by(rules="pictures_described")
def vector_picture(notebook):
    cell(notebook, "picture").outputs[0].data["image/svg+xml"] = "<svg/>"


@broken_by("/home/ada/data.csv", rules="no_absolute_paths")
@broken_by("C:\\Users\\ada\\data.csv", rules="no_absolute_paths")
@broken_by("<function f at 0x7f4b7dad3440>", rules="no_addresses")
def printed(notebook, text):
    cell(notebook, "sum-pytorch").outputs[0].text = f"{text}\n"


# --- What a chapter declares ----------------------------------------------------------


@broken_by("title", "Another chapter", rules="title_first")
@broken_by("summary", "", rules="metadata_declared")
@broken_by("summary", "Long. " * 21, rules="metadata_declared")
@broken_by("prerequisites", ["foundations/nowhere"], rules="metadata_declared")
@broken_by("prerequisites", ["foundations/chapter"], rules="metadata_declared")
@broken_by("sources", ["D0.10"], rules="metadata_declared")
@broken_by("packages", ["not-pinned"], rules="metadata_declared")
@broken_by("sources", ["D0.C10", "D0.C10"], rules="metadata_declared")
@broken_by("frameworks", ["pytorch", "keras"], rules="metadata_declared")
@broken_by("missing", {"jax": "It is not in this book."}, rules="metadata_declared")
@broken_by("author", "Ada", rules="metadata_declared")
def declared(notebook, key, value):
    notebook.metadata.threeways[key] = value


@broken_by(rules="metadata_declared")
def framework_left_out_and_used(notebook):
    notebook.metadata.threeways.frameworks = ["pytorch", "tensorflow"]
    notebook.metadata.threeways.missing = {"keras": "It was too late in the day."}


@broken_by(rules="metadata_declared title_first normal_form")
def nothing_declared(notebook):
    notebook.metadata.threeways = {}


@broken_by("value", ["slow"], rules="tags_allowed")
@broken_by("value", ["pytorch", "parity"], rules="tags_allowed tabs_complete")
@broken_by("value", ["nbval-skip"], rules="tags_allowed")
@broken_by("faq", ["hide-input"], rules="tags_allowed")
@broken_by("solution-ones", ["solution"], rules="tags_allowed")
def tagged(notebook, name, tags):
    cell(notebook, name).metadata.tags = tags


@broken_by("sum-pytorch", rules="tabs_complete")
@broken_by("sum-tensorflow", rules="tabs_complete")
@broken_by("sum-keras", rules="tabs_complete")
@broken_by("stub-tensor-keras", rules="tabs_complete exercise_checks_named")
def tab_missing(notebook, name):
    notebook.cells.remove(cell(notebook, name))
    renumber(notebook)


@broken_by(rules="tabs_complete")
def tab_missing_without_reason(notebook):
    del cell(notebook, "half-pytorch").metadata["threeways"]


@broken_by("half-pytorch", "keras", "Because.", rules="tabs_complete")
@broken_by("sum-pytorch", "keras", "It would be too long.", rules="tabs_complete")
@broken_by("half-tensorflow", "keras", "It would be too long.", rules="tabs_complete")
@broken_by("half-pytorch", "jax", "It would be too long.", rules="tabs_complete")
def reason(notebook, name, framework, text):
    metadata = cell(notebook, name).metadata
    metadata.setdefault("threeways", {"missing": {}})["missing"][framework] = text


# --- The text, the code, the exercises ------------------------------------------------


@broken_by("title", "# A", "## A", rules="title_first sections_in_order")
@broken_by("background", "A sum", "# A sum", rules="title_first headings_filled")
@broken_by("title", "# A", "Hello.\n\n# A", rules="title_first")
@broken_by("code", "## Code", "## The code", rules="sections_in_order")
@broken_by("code", "## Code", "## FAQ", rules="sections_in_order")
@broken_by("faq", "## FAQ\n", "Why?\n", rules="sections_in_order")
@broken_by(
    "further-reading", "\n\n- ", "\n\n<!-- ", rules="headings_filled plain_markdown"
)
@broken_by("faq", "No. ", "### Or for lists?\n\nNo. ", rules="headings_filled")
@broken_by("faq", "### Does", "#### Does", rules="heading_levels")
@broken_by("background", "references.md", "nowhere.md", rules="links_resolve")
@broken_by("background", "legendre1805", "legendre1066", rules="links_resolve")
@broken_by("exercises", "#A-chapter", "#a-chapter", rules="links_resolve")
@broken_by("background", "../../book/", "/book/", rules="links_resolve")
@broken_by("background", "[Legendre\n(1805)]", "[]", rules="links_resolve")
@broken_by("faq", "No.", "![No](https://example.org/n.png)", rules="links_resolve")
@broken_by("faq", "No.", ":::{note}\nNo.\n:::", rules="plain_markdown")
@broken_by("faq", "No.", "```{note}\nNo.\n```", rules="plain_markdown")
@broken_by("faq", "No.", "{cite:p}`legendre1805`", rules="plain_markdown")
@broken_by("faq", "No.", "(answer)=\nNo.", rules="plain_markdown")
@broken_by("faq", "No.", "No.[^1]", rules="plain_markdown")
@broken_by("faq", "No.", "<b>No.</b>", rules="plain_markdown")
@broken_by(
    "formulas", "$$ (eq-small-sum)", "$$", rules="formulas_labelled links_resolve"
)
@broken_by(
    "formulas", "(eq-small-sum)", "(small)", rules="formulas_labelled links_resolve"
)
@broken_by("faq", "No.", "No: $$x$$.", rules="formulas_labelled")
@broken_by("faq", "No.", "TODO: say no.", rules="no_leftovers")
@broken_by("faq", "No.", "No. \nNo.", rules="no_leftovers")
@broken_by("half-pytorch-print", "print(half.tolist())", "", rules="no_leftovers")
@broken_by("value", "sum", "%time sum", rules="plain_python")
@broken_by("value", "sum", "!pip install torch\nsum", rules="plain_python")
@broken_by("value", "sum", "sum sum", rules="plain_python")
@broken_by("value", "sum", "import subprocess\nsum", rules="plain_python")
@broken_by("value", "sum", "os.system('ls')\nsum", rules="plain_python")
@broken_by("value", "sum", "# NBVAL_IGNORE_OUTPUT\nsum", rules="tags_allowed")
@broken_by("value", "sum", "import torch\nsum", rules="imports_allowed")
@broken_by("value", "sum", "from pandas import NA\nsum", rules="imports_allowed")
@broken_by("value", "sum", "__import__('torch')\nsum", rules="imports_allowed")
@broken_by("value", "sum", "import_module(name)\nsum", rules="imports_allowed")
@broken_by("sum-of-squares", "import", "import math\nimport", rules="imports_allowed")
@broken_by("sum-keras", "x =", "import tensorflow\nx =", rules="imports_allowed")
@broken_by("sum-tensorflow", "x**2", "tf.keras.ops.abs(x)", rules="imports_allowed")
@broken_by(
    "sum-tensorflow",
    "x =",
    "from tensorflow import keras\nx =",
    rules="imports_allowed",
)
@broken_by("sum-pytorch", "x =", "from torch import _C\nx =", rules="public_interfaces")
@broken_by("sum-pytorch", "x**2", "torch._abs(x)", rules="public_interfaces")
@broken_by("sum-keras", "x =", "import keras.src\nx =", rules="public_interfaces")
@broken_by("value", "sum", "import urllib.request\nsum", rules="no_network")
@broken_by("value", "sum", "fetch_openml('iris')\nsum", rules="no_network")
@broken_by("value", "sum", "np.loadtxt('https://example.org')\nsum", rules="no_network")
@broken_by("value", "sum", "MNIST(download=True)\nsum", rules="no_network")
@broken_by("value", "sum", "ResNet50(weights='imagenet')\nsum", rules="no_network")
@broken_by("value", "sum", "time.time()\nsum", rules="clocks_uncompared")
@broken_by("sum-of-squares", "import", "print(1)\nimport", rules="numpy_cells_pure")
@broken_by("sum-of-squares", "import", "n = 1\nimport", rules="numpy_cells_pure")
@broken_by("sum-of-squares", '    """Sum', '    # """Sum', rules="numpy_cells_pure")
@broken_by("value", "sum", f"# {'x' * 86}\nsum", rules="")
@broken_by("value", "sum", f"# {'x' * 87}\nsum", rules="short_code")
@broken_by("value", "sum", "x = 1\n" * 40 + "sum", rules="short_code")
@broken_by("exercise-ones", "Exercise 2", "Exercise 3", rules="exercises_complete")
@broken_by("exercise-ones", "### Exercise 2", "Exercise 2", rules="exercises_complete")
@broken_by("stub-ones", "chapter.ones", "chapter.one", rules="exercise_checks_named")
@broken_by("stub-zero", "check", "print", rules="exercise_checks_named")
def replaced(notebook, name, old, new):
    target = cell(notebook, name)
    assert old in target.source
    target.source = target.source.replace(old, new, 1)


@broken_by(rules="short_code")
def cells_too_long_on_the_whole(notebook):
    for code in notebook.cells:
        if code.cell_type == "code" and "numpy" not in code.metadata.get("tags", []):
            code.source += "\npass" * 12


@broken_by(rules="no_network")
def picture_loaded_by_an_output(notebook):
    html = '<img src="https://example.org/a.png">'
    cell(notebook, "value").outputs[0].data["text/html"] = html


@broken_by("stub-ones", "✓ chapter.ones: 4.0", rules="exercises_complete")
@broken_by("stub-ones", "✗ chapter.ones: 3.0", rules="exercises_complete")
@broken_by("solution-ones", "✗ chapter.ones: 3.0", rules="exercises_complete")
@broken_by("solution-tensor-keras", "", rules="exercises_complete")
def answered(notebook, name, verdict):
    cell(notebook, name).outputs[0].text = verdict


@broken_by("solution-ones", rules="exercises_complete exercise_checks_named")
@broken_by("solution-tensor-keras", rules="tabs_complete exercise_checks_named")
def unanswered(notebook, name):
    notebook.cells.remove(cell(notebook, name))
    renumber(notebook)


@broken_by(rules="exercises_complete exercise_checks_named")
def two_exercises(notebook):
    for name in ("exercise-ones", "stub-ones", "solution-ones"):
        notebook.cells.remove(cell(notebook, name))
    renumber(notebook)


@broken_by(rules="exercises_complete")
def exercise_outside(notebook):
    cell(notebook, "value").metadata.tags = ["exercise"]


# --- All chapters at once -------------------------------------------------------------


def test_book_rules_turn_red(path):
    other = path.with_name("other.ipynb")
    first, second = read(FIXTURE), read(FIXTURE)
    first.metadata.threeways.prerequisites = ["foundations/other"]
    second.metadata.threeways.prerequisites = ["foundations/chapter"]
    book = {path: first, other: second}
    assert all(list(rule(book)) for rule in BOOK_RULES)
    assert not any(list(rule({path: read(FIXTURE)})) for rule in BOOK_RULES)
