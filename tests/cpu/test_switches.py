"""Every chapter gives its stored outputs as other CPUs would compute them."""

import os
import subprocess
import sys

import pytest

from tools.nbval import SWITCHES, run_nbval
from tools.notebooks import chapter_name, find


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("path", find(), ids=chapter_name)
def test_notebook(path, switch):
    done = run_nbval(path, **SWITCHES[switch])
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


@pytest.mark.parametrize(
    ("switch", "question", "answer"),
    [
        ("one_thread", "torch.get_num_threads()", "1"),
        ("two_threads", "torch.get_num_threads()", "2"),
        ("plain_aten", "torch.backends.cpu.get_cpu_capability()", "DEFAULT"),
    ],
)
def test_switch_is_heard(switch, question, answer):
    command = [sys.executable, "-c", f"import torch; print({question})"]
    environ = os.environ | SWITCHES[switch]
    said = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert said.stdout.strip() == answer, said.stderr
