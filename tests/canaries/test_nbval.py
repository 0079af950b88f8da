"""nbval, with our settings, turns red at the very cell that is wrong."""

import json
from pathlib import Path
from xml.etree import ElementTree

from nbformat.v4 import new_output

from tools.nbval import run_nbval
from tools.notebooks import ROOT, code_cells, dumps, read

FIXTURE = ROOT / "tests" / "fixtures" / "chapter.ipynb"
CELLS = (  # enough of the fixture chapter, and nothing that takes time to import
    "sum-of-squares",
    "value",
    "words",
    "check",
    "stub-zero",
    "solution-zero",
    "stub-ones",
    "solution-ones",
)


def keeps_its_promises(cells):
    pass


def raises(cells):
    cells["check"].source += "\nraise ValueError"


def prints_something_else(cells):
    cells["solution-ones"].outputs[0].text = "✓ chapter.ones: 5.0\n"


def returns_something_else(cells):
    cells["value"].outputs[0].data["text/plain"] = "14.1"


def prints_no_more(cells):
    cells["stub-ones"].source = "pass"


def prints_at_all(cells):
    cells["sum-of-squares"].source += "\nprint()"


def draws_no_more(cells):
    data = {"image/png": "", "text/plain": "<Figure size 640x480 with 1 Axes>"}
    cells["check"].outputs = [new_output("display_data", data)]


def raises_no_more(cells):
    cells["words"].source = "pass"


def raises_another_message(cells):
    cells["words"].outputs[0].evalue = "words"


def solves_the_stub(cells):
    cells["stub-ones"].source = cells["solution-ones"].source


def fails_to_solve(cells):
    cells["solution-ones"].source = cells["solution-zero"].source


def takes_too_long(cells):
    cells["check"].source = "import time; time.sleep(300)"


def kills_the_kernel(cells):
    cells["check"].source = "import os; os._exit(1)"


def warns_and_shows_html(cells):
    cells["check"].source += "\nimport warnings; warnings.warn('careful')"
    cells["value"].outputs[0].data["text/html"] = "<b>14.0</b>"
    cells["value"].source = (
        "class Bold(float):\n"
        "    def _repr_html_(self): return '<i>14.0</i>'\n"
        "Bold(14.0)"
    )


def is_stored_unrun(cells):
    cells["value"].execution_count, cells["value"].outputs = None, []


RED = {
    keeps_its_promises: [],
    raises: ["check"],
    prints_something_else: ["solution-ones"],
    returns_something_else: ["value"],
    prints_no_more: ["stub-ones"],
    prints_at_all: ["sum-of-squares"],
    draws_no_more: ["check"],
    raises_no_more: ["words"],
    raises_another_message: ["words"],
    solves_the_stub: ["stub-ones"],
    fails_to_solve: ["solution-ones"],
    # What follows fails as well: after a timeout nbval by itself expects it to.
    takes_too_long: list(CELLS[CELLS.index("check") :]),
    kills_the_kernel: list(CELLS[CELLS.index("check") :]),
    # What is left uncompared on purpose.
    warns_and_shows_html: [],
    # What nbval can't see, so that hygiene has to.
    is_stored_unrun: [],
}


def test_fixture_passes():
    done = run_nbval(FIXTURE)
    assert done.returncode == 0, done.stdout


def test_nbval_turns_red(tmp_path):
    for breaks in RED:
        notebook = read(FIXTURE)
        cells = {cell.id: cell for cell in code_cells(notebook) if cell.id in CELLS}
        notebook.cells = list(cells.values())
        cells["sum-of-squares"].source += "\n\nvalues = np.array([1.0, -2.0, 3.0])"
        breaks(cells)
        (tmp_path / f"{breaks.__name__}.ipynb").write_text(dumps(notebook))
    # One process for all, so that no notebook is tried twice or alone.
    report, took = tmp_path / "report.xml", tmp_path / "report.json"
    done = run_nbval(
        tmp_path,
        options=(
            "--nbval-cell-timeout=5",
            "--numprocesses=4",
            "--dist=loadscope",
            f"--junitxml={report}",
            f"--report={took}",
            "--override-ini=junit_family=xunit1",
        ),
    )
    red = {breaks.__name__: [] for breaks in RED}
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            name = Path(case.get("file")).stem
            red[name].append(CELLS[int(case.get("name").removeprefix("Cell "))])
    expected = {breaks.__name__: cells for breaks, cells in RED.items()}
    assert red == expected, done.stdout
    runs = json.loads(took.read_text())["runs"]
    passed = {run["chapter"] for run in runs if run["passed"]}
    assert passed == {name for name, cells in expected.items() if not cells}
