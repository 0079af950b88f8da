"""Only a run that passed, whole, of the chapter as it is, gets onto the status page."""

import copy
import json
import subprocess
import sys

import pytest

from tools import report, status
from tools.notebooks import ROOT, code_cells, read, tags
from tools.status import CPU, GPU, WHOLE, dumps, fingerprint, load, merge, seconds

NOTEBOOK = read(ROOT / "tests" / "fixtures" / "chapter.ipynb")
CHAPTERS = {"parts/one": NOTEBOOK}
CELLS = len(list(code_cells(NOTEBOOK)))
GPU_SEEN = {"accelerator": "GPU 9000", "seen_by": ["PyTorch", "TensorFlow"]}


def a_report(**changes):
    """Return a report of one notebook that passed; changes go to what they name."""
    made = {
        "date": "2026-05-04",
        "compared": True,
        "environment": {"python": "3.12.1", "system": "Linux", "cpu": "C"},
        "runs": [
            {
                "chapter": "parts/one",
                "edition": WHOLE,
                "hash": fingerprint(NOTEBOOK),
                "passed": True,
                "cells": CELLS,
                "seconds": [0.25] * CELLS,
                "overhead": 1.0,
                "memory_mib": 300,
            }
        ],
    }
    for key, value in changes.items():
        (made if key in made else made["runs"][0])[key] = value
    return made


def nothing():
    return {"environments": {}, CPU: {}, GPU: {}}


def test_a_run_that_passed_is_taken_over_and_kept(tmp_path):
    known = nothing()
    assert merge(known, a_report(), CHAPTERS) == []
    file = tmp_path / "status.yml"
    file.write_text(dumps(known, CHAPTERS))
    assert load(file) == known
    assert known[CPU]["parts/one"][WHOLE]["date"] == "2026-05-04"
    assert seconds(file) == {"parts/one": round(0.25 * CELLS, 1)}
    assert known[GPU] == {}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"passed": False}, "it failed"),
        ({"hash": "0" * 12}, "the chapter has changed since"),
        ({"seconds": [1.0]}, f"only 1 of its {CELLS} cells ran"),
        ({"compared": False}, "its outputs were not compared"),
        ({"edition": "pytorch"}, "the chapter has changed since"),  # another's hash
    ],
)
def test_a_run_that_proves_nothing_is_refused_and_leaves_what_was_known(change, why):
    known = nothing()
    merge(known, a_report(), CHAPTERS)
    before = copy.deepcopy(known[CPU])
    (refused,) = merge(known, a_report(date="2026-06-01", **change), CHAPTERS)
    assert refused.endswith(why)
    assert known[CPU] == before


def test_an_older_report_does_not_replace_a_newer_one():
    known = nothing()
    merge(known, a_report(), CHAPTERS)
    merge(known, a_report(date="2026-05-03", memory_mib=1), CHAPTERS)
    assert known[CPU]["parts/one"][WHOLE]["memory_mib"] == 300


def test_a_run_with_an_accelerator_is_kept_apart_and_needs_no_comparison():
    known = nothing()
    made = a_report(compared=False)
    made["environment"] |= GPU_SEEN
    assert merge(known, made, CHAPTERS) == []
    assert known[CPU] == {} and WHOLE in known[GPU]["parts/one"]


@pytest.mark.parametrize(
    ("edition", "seen_by", "on_it"),
    [
        ("pytorch", ["PyTorch"], True),
        ("keras on torch", ["PyTorch"], True),
        ("keras on tensorflow", ["PyTorch"], False),
        (WHOLE, ["PyTorch"], False),
        (WHOLE, ["JAX", "PyTorch", "TensorFlow"], True),
        ("tensorflow", [], False),
    ],
)
def test_a_run_is_on_an_accelerator_that_its_frameworks_see(edition, seen_by, on_it):
    run = {"chapter": "parts/one", "edition": edition}
    assert status.on_accelerator(run, {"seen_by": seen_by}) == on_it
    assert not status.on_accelerator(run, {})
    stays = {"chapter": "practice/deployment", "edition": edition}
    on_it &= edition != "pytorch"  # which stays on the processor there
    assert status.on_accelerator(stays, {"seen_by": seen_by}) == on_it


def test_what_is_gone_leaves_the_file():
    known = nothing()
    merge(known, a_report(), CHAPTERS)
    merge(known, a_report(chapter="no/more"), CHAPTERS)
    assert "no/more" not in known[CPU]
    assert "parts/one" not in dumps(known, {}) and "3.12.1" not in dumps(known, {})


def test_the_command_says_what_it_refuses_and_fails(tmp_path, monkeypatch, capsys):
    file = tmp_path / "status.yml"
    monkeypatch.setattr(status, "FILE", file)
    monkeypatch.setattr(status, "load", lambda: load(file))
    monkeypatch.setattr(status, "find", lambda: ["notebooks/parts/one.ipynb"])
    monkeypatch.setattr(status, "chapter_name", lambda path: "parts/one")
    monkeypatch.setattr(status, "read", lambda path: NOTEBOOK)
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(a_report()))
    bad.write_text(json.dumps(a_report(passed=False)))
    assert status.main([str(good)]) == 0
    assert status.main([str(bad)]) == 1
    assert "parts/one, whole: it failed" in capsys.readouterr().err
    assert "2026-05-04" in file.read_text()


def test_the_hash_is_of_cells_tags_and_outputs_and_of_nothing_else():
    def changed(change, framework=None):
        other = copy.deepcopy(NOTEBOOK)
        change({cell.get("id"): cell for cell in other.cells}, other)
        return fingerprint(other, framework) != fingerprint(NOTEBOOK, framework)

    def text(cells, notebook):
        notebook.cells[0].source += " More words."

    def number(cells, notebook):
        cells["value"].execution_count = 77

    def source(cells, notebook):
        cells["value"].source += "  # changed"

    def output(cells, notebook):
        cells["value"].outputs[0].data["text/plain"] = "14.1"

    def tag(cells, notebook):
        cells["value"].metadata["tags"] = ["nbval-ignore-output"]

    def torch_cell(cells, notebook):
        cell = next(c for c in code_cells(notebook) if "pytorch" in tags(c))
        cell.source += "  # changed"

    assert [changed(it) for it in (text, number)] == [False, False]
    assert [changed(it) for it in (source, output, tag)] == [True] * 3
    assert changed(torch_cell) and changed(torch_cell, "pytorch")
    assert not changed(torch_cell, "keras")


def test_memory_includes_processes_that_a_cell_started():
    child = "x = bytearray(200 << 20); input()"
    parent = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=0)\n"
        "print(input()); p.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        meter = report.Meter(process.pid)
        own = report.psutil.Process(process.pid)
        for _ in range(100):
            if meter.read() > 200 << 20:
                break
            report.time.sleep(0.1)
        assert own.memory_info().rss < 100 << 20
        assert 200 << 20 < meter.read() < 400 << 20
        process.stdin.write(b"\n\n")


def test_a_framework_that_sees_the_accelerator_is_named(monkeypatch):
    monkeypatch.setattr(report.shutil, "which", lambda name: "/a/driver")
    answers = {"PyTorch": "print('GPU 9000')", "TensorFlow": "", "JAX": "import no_jax"}
    monkeypatch.setattr(report.accelerator, "QUESTIONS", answers)
    assert report.accelerators() == {"PyTorch": "GPU 9000"}
