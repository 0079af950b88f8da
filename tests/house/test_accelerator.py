"""A run on an accelerator happens on one, or not at all."""

import sys

import pytest

from tools import accelerator

TELL = "import os; print(os.environ['NVIDIA_TF32_OVERRIDE'])"


@pytest.fixture
def questions(monkeypatch):
    """The frameworks that are asked: none, until a test adds some."""
    asked = {}
    monkeypatch.setattr(accelerator, "QUESTIONS", asked)
    return asked


def test_without_an_accelerator_nothing_runs(questions, tmp_path, capfd):
    questions["PyTorch"] = "print('Toy 100')"  # sees it, and wouldn't take it
    questions["TensorFlow"] = "import no_such_framework; print('Toy 100')"
    proof = tmp_path / "ran"
    command = [sys.executable, "-c", f"open({str(proof)!r}, 'w')"]
    assert accelerator.main(command) == 1
    assert not proof.exists()
    printed = capfd.readouterr().out
    assert "PyTorch    Toy 100" in printed
    assert "TensorFlow sees no accelerator" in printed


def test_says_who_sees_it_and_runs_the_command_without_tf32(questions, capfd):
    questions |= {"TensorFlow": "print('Toy 100')", "JAX": "pass"}
    assert accelerator.main([sys.executable, "-c", TELL]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines == ["TensorFlow Toy 100", "JAX        sees no accelerator", "0"]


def test_a_failing_command_fails(questions):
    questions["TensorFlow"] = "print('Toy 100')"
    assert accelerator.main([sys.executable, "-c", "raise SystemExit(3)"]) == 3


def test_each_question_can_be_asked():
    for framework, question in accelerator.QUESTIONS.items():
        compile(question, framework, "exec")
        assert f"import {framework.lower().removeprefix('py')}" in question
