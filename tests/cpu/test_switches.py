"""Every chapter gives its stored outputs as other CPUs would compute them."""

import pytest

from tools.nbval import SWITCHES, run_nbval
from tools.notebooks import chapter_name, find


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("path", find(), ids=chapter_name)
def test_notebook(path, switch):
    done = run_nbval(path, **SWITCHES[switch])
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
