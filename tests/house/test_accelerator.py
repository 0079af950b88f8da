"""A run on an accelerator happens on one, or not at all."""

import subprocess

import pytest

from tools import accelerator
from tools.accelerator import left_on_the_processor as left_behind
from tools.status import EDITIONS, WHOLE


@pytest.fixture
def questions(monkeypatch):
    """The frameworks that are asked: none, until a test adds some."""
    asked = {}
    monkeypatch.setattr(accelerator, "QUESTIONS", asked)
    return asked


@pytest.fixture
def asked_of_pytest(monkeypatch):
    """What pytest would be run with, and in which environment: nothing is run."""
    calls = []
    really = subprocess.run

    def run(command, **options):
        if "pytest" not in command:
            return really(command, **options)
        calls.append((command[3:], options["env"]))
        return subprocess.CompletedProcess(command, returncode=3)

    monkeypatch.setattr(accelerator.subprocess, "run", run)
    return calls


def test_without_an_accelerator_nothing_runs(questions, asked_of_pytest, capfd):
    questions["PyTorch"] = "pass"
    questions["TensorFlow"] = "import no_such_framework; print('Toy 100')"
    assert accelerator.main(["--nbval-lax"]) == 1
    assert asked_of_pytest == []
    assert "No framework sees an accelerator" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("seen_by", "whole", "editions"),
    [
        ("PyTorch", False, {"pytorch", "keras on torch"}),
        (
            "TensorFlow JAX",
            False,
            {"tensorflow", "keras on tensorflow", "keras on jax"},
        ),
        ("PyTorch TensorFlow JAX", True, {*accelerator.COMPUTES}),
    ],
)
def test_what_sees_it_runs_on_it(
    seen_by, whole, editions, questions, asked_of_pytest, monkeypatch, capfd
):
    for name in ("PyTorch", "TensorFlow", "JAX"):
        questions[name] = "print('Toy 100')" if name in seen_by.split() else "pass"
    assert accelerator.main(["--nbval-lax"]) == 3  # a failing suite fails
    ((arguments, environment),) = asked_of_pytest
    assert ("notebooks" in arguments) == whole
    assert arguments[0] == "--nbval-lax" and environment["NVIDIA_TF32_OVERRIDE"] == "0"
    monkeypatch.setenv(accelerator.SEEN_BY, environment[accelerator.SEEN_BY])
    left = {e for e in accelerator.COMPUTES if left_behind("parts/one", e)}
    assert left == {*accelerator.COMPUTES} - editions
    assert left_behind("practice/deployment", "pytorch")  # which stays on the processor
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "Toy 100" in line] == seen_by.split()


def test_without_options_it_only_tells(questions, asked_of_pytest):
    questions["JAX"] = "print('Toy 100')"
    assert accelerator.main([]) == 0 and asked_of_pytest == []


def test_no_edition_is_left_out_of_other_runs():
    chapters = ("parts/one", *accelerator.STAY)
    assert not any(left_behind(c, e) for c in chapters for e in accelerator.COMPUTES)
    assert {*accelerator.COMPUTES} == {*EDITIONS} - {WHOLE}


def test_each_question_can_be_asked():
    for framework, question in accelerator.QUESTIONS.items():
        compile(question, framework, "exec")
        assert framework.lower().removeprefix("py") in question
