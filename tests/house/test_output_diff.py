"""What an upgrade changed is shown, and nothing else."""

import copy
import subprocess
import sys

from nbformat.v4 import new_output

from tools.notebooks import ROOT, code_cells, read
from tools.output_diff import difference

FIXTURE = ROOT / "tests" / "fixtures" / "chapter.ipynb"


def changed(**outputs):
    """Return the fixture with other outputs in the cells named."""
    notebook = copy.deepcopy(read(FIXTURE))
    for cell in code_cells(notebook):
        if cell.id in outputs:
            cell.outputs = outputs.pop(cell.id)
    assert not outputs
    return notebook


def test_equal_outputs_have_no_difference():
    assert list(difference(read(FIXTURE), read(FIXTURE))) == []


def test_a_changed_line_is_shown_under_its_cell():
    (stored,) = (c.outputs[0] for c in code_cells(read(FIXTURE)) if c.id == "value")
    before = stored.data["text/plain"]
    value = new_output("execute_result", data={"text/plain": "42"})
    lines = list(difference(read(FIXTURE), changed(value=[value])))
    assert lines == ["@@ value @@", f"-{before}", "+42"]


def test_another_picture_is_named_not_printed():
    red, blue = (
        [new_output("display_data", data={"text/plain": "a", "image/png": png})]
        for png in ("cmVk", "Ymx1ZQ==")
    )
    lines = list(difference(changed(value=red), changed(value=blue)))
    assert lines[-2:] == ["-[another picture]", "+[another picture]"]
    assert not any("cmVk" in line for line in lines)


def test_source_alone_is_no_difference():
    notebook = read(FIXTURE)
    for cell in notebook.cells:
        cell.source += " "
    assert list(difference(read(FIXTURE), notebook)) == []


def test_an_unknown_commit_is_refused():
    command = [sys.executable, "-m", "tools.output_diff", "no-such-commit"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 2 and "no commit no-such-commit" in said.stderr
