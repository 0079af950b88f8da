"""How nbval compares the notebooks: a pytest plugin, which ``conftest.py`` loads.

The environment's own kernel runs them, without anyone's personal settings. HTML and
stderr stay uncompared. A timeout is a failure of all that follows.

Tests that run side by side get their share of the cores, in threads, and threads that
wait for each other sleep. By default each would take all cores, and OpenMP's threads
spin: PyTorch's small steps then take thirty times as long.

:func:`run_nbval` runs nbval in a process of its own: as on another CPU, say, or where a
framework is missing.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tools.notebooks import ROOT, kernel_settings

CELL_TIMEOUT = 900  # seconds; a whole chapter should run in 60

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
SWITCHES = {
    "one_thread": dict.fromkeys(THREADS, "1"),
    "two_threads": dict.fromkeys(THREADS, "2"),
    "plain_aten": {"ATEN_CPU_CAPABILITY": "default"},
    "no_onednn": {"TF_ENABLE_ONEDNN_OPTS": "0"},
}
"""Environment variables that make this CPU add up in the order that another would."""


def pytest_configure(config):
    """Settle what tests, and the notebooks that nbval runs, compute with."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before a library reads it
    if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
        for name in THREADS:
            os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // workers)))
    options = config.option
    if not (options.nbval or options.nbval_lax):
        return
    options.nbval_current_env = True  # never a kernel that someone has registered
    options.nbval_cell_timeout = min(options.nbval_cell_timeout, CELL_TIMEOUT)
    folder = tempfile.TemporaryDirectory()
    config.add_cleanup(folder.cleanup)
    os.environ.update(kernel_settings(folder.name))


def pytest_collectstart(collector):
    """Leave some kinds of output uncompared; this is nbval's documented way."""
    if hasattr(collector, "skip_compare"):
        # stderr is never stored. HTML and SVG say what text/plain, compared, says too.
        collector.skip_compare += ("stderr", "text/html", "image/svg+xml")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Fail what follows a timeout: nbval's xfail for it would look harmless."""
    if getattr(item.parent, "timed_out", False):
        pytest.fail("an earlier cell of this notebook timed out", pytrace=False)


def run_nbval(
    *paths: Path, options: Iterable[str] = (), **environ: str
) -> subprocess.CompletedProcess:
    """Run nbval, strict, over notebooks that may lie outside of the repository.

    Parameters
    ----------
    paths
        The notebooks.
    options
        More options of pytest.
    environ
        Environment variables of that process and its kernels.
    """
    command = [sys.executable, "-m", "pytest", "--nbval"]
    command += ["-p", "tools.nbval", "-p", "tools.report"]
    quiet = ["-q", "--color=no", "-p", "no:cacheprovider", "--rootdir", paths[0].parent]
    # Without what pytest and xdist tell their own children.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [*command, *quiet, *options, *paths],
        cwd=ROOT,
        env=inherited | environ,
        capture_output=True,
        text=True,
    )
