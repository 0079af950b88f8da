"""Every edition gives its stored outputs where only its own framework is installed.

Each run also uses one of the CPU switches: that costs nothing here, and when a run
fails, ``make test-cpu`` tells whether the switch is to blame, or the one thread that
all runs have, since as many go on at once as there are cores.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tools import accelerator
from tools.editions import write_editions
from tools.groups import FRAMEWORKS
from tools.hygiene import problems
from tools.hygiene.text import links_resolve
from tools.nbval import SWITCHES, run_nbval
from tools.normalise import ANSI
from tools.notebooks import chapter_name, code_cells, dumps, find, read, tags
from tools.report import RUN
from tools.status import EDITIONS, WHOLE, fingerprint

HERE = Path(__file__).parent
FIXTURE = HERE.parent / "fixtures" / "chapter.ipynb"
# The fixture comes along: what the tests below break is whole before.
CHAPTERS = [*find(), FIXTURE]


class Run(NamedTuple):
    """An edition, what its readers lack, and how its process differs otherwise."""

    framework: str
    blocked: str
    environ: dict[str, str]

    @property
    def settings(self):
        """All environment variables of the run."""
        block = {"BLOCKED_PACKAGES": self.blocked, "PYTHONPATH": str(HERE / "blocker")}
        return SWITCHES["one_thread"] | self.environ | block


RUNS = {
    "pytorch": Run("pytorch", "tensorflow keras jax", SWITCHES["plain_aten"]),
    # TensorFlow looks for Keras when tf.keras is used, and does without otherwise.
    "tensorflow": Run("tensorflow", "keras torch jax", SWITCHES["no_onednn"]),
    "keras on tensorflow": Run("keras", "torch jax", {"KERAS_BACKEND": "tensorflow"}),
    "keras on torch": Run("keras", "tensorflow jax", {"KERAS_BACKEND": "torch"}),
    "keras on jax": Run("keras", "tensorflow torch", {"KERAS_BACKEND": "jax"}),
}

LEFT_OUT = {
    ("practice/deployment", "keras on jax"): (
        "from JAX Keras exports through jax2onnx and jax2tf, which we do without"
    ),
}
"""Editions that can't be run, and why."""


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("path", CHAPTERS, ids=chapter_name)
def test_edition(path, run, tmp_path, record_property, pytestconfig):
    edition, run = run, RUNS[run]
    if accelerator.left_on_the_processor(chapter_name(path), edition):
        pytest.skip("it would compute on the processor")
    if why := LEFT_OUT.get((chapter_name(path), edition)):
        pytest.skip(why)
    files = write_editions([path], tmp_path)[run.framework]
    if not files:
        pytest.skip(f"the chapter leaves out {run.framework}, and says why")
    report = tmp_path / "report.json"
    options = [f"--report={report}", *["--nbval-lax"] * pytestconfig.option.nbval_lax]
    done = run_nbval(*files, options=options, **run.settings)
    if report.exists():  # else it didn't come as far as the first cell
        (took,) = json.loads(report.read_text(encoding="utf-8"))["runs"]
        content = fingerprint(read(path), run.framework)
        whose = {"chapter": chapter_name(path), "edition": edition, "hash": content}
        record_property(RUN, took | whose)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_the_status_page_knows_these_editions():
    assert {*EDITIONS} == {WHOLE, *RUNS}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_only_the_own_framework_is_there(run):
    packages = ["torch", "tensorflow", "keras", "jax"]
    look = "import sys, importlib.util as u; print(*filter(u.find_spec, sys.argv[1:]))"
    found = subprocess.run(
        [sys.executable, "-c", look, *packages],
        env=os.environ | run.settings,
        capture_output=True,
        check=True,
        text=True,
    )
    hidden = run.blocked.split()
    assert found.stdout.split() == [name for name in packages if name not in hidden]


def test_cell_that_leans_on_another_tab_turns_red(tmp_path):
    notebook = read(FIXTURE)
    (leaning,) = (cell for cell in notebook.cells if cell.id == "value")
    leaning.source = "float(half[2] + 12.5)"  # no Keras tab sets `half`
    path = tmp_path / "chapter.ipynb"
    path.write_text(dumps(notebook), encoding="utf-8")
    (file,) = write_editions([path], tmp_path / "editions")["keras"]
    done = run_nbval(file, **RUNS["keras on torch"].settings)
    assert "NameError: name 'half' is not defined" in ANSI.sub("", done.stdout)
    assert "1 failed" in done.stdout


def test_import_of_another_framework_turns_red():
    done = run_nbval(FIXTURE, **RUNS["keras on tensorflow"].settings)
    error = "ModuleNotFoundError: No module named 'torch'"
    assert done.returncode and error in ANSI.sub("", done.stdout)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_edition_is_a_projection(framework, tmp_path):
    stored = read(FIXTURE)
    (file,) = write_editions([FIXTURE], tmp_path)[framework]
    written = read(file)
    others = {*FRAMEWORKS, "parity"} - {framework}
    stored.cells = [cell for cell in stored.cells if not others & {*tags(cell)}]
    assert [cell.id for cell in written.cells] == [cell.id for cell in stored.cells]
    assert _shown(written) == _shown(stored)
    counts = [cell.execution_count for cell in code_cells(written)]
    assert counts == list(range(1, len(counts) + 1))
    (raising,) = (cell for cell in code_cells(written) if cell.id == "words")
    assert f"In[{raising.execution_count}]" in "".join(raising.outputs[0].traceback)
    assert problems(links_resolve, file, written) == []


def _shown(notebook):
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [output.get("text", output.get("data")) for output in outputs]
