"""Settings of nbval for every notebook, and the fixture that runs it elsewhere."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
CELL_TIMEOUT = 300  # seconds; a whole chapter should run in 60


def pytest_configure(config):
    if not _nbval(config):
        return
    from tools.notebooks import kernel_settings

    # The environment that runs the tests, never a kernel that a user has registered.
    config.option.nbval_current_env = True
    timeout = min(config.option.nbval_cell_timeout, CELL_TIMEOUT)
    config.option.nbval_cell_timeout = timeout
    folder = tempfile.TemporaryDirectory()
    config.add_cleanup(folder.cleanup)
    os.environ.update(kernel_settings(folder.name))


def _nbval(config):
    return config.getoption("nbval", False) or config.getoption("nbval_lax", False)


def pytest_collectstart(collector):
    # The documented way to leave outputs uncompared. stderr is never stored; HTML and
    # SVG are renderings of what text/plain, which is compared, says too.
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr", "text/html", "image/svg+xml")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    # nbval marks what follows a timeout as xfail, and a row of x looks harmless.
    if getattr(item.parent, "timed_out", False):
        pytest.fail("an earlier cell of this notebook timed out", pytrace=False)


@pytest.fixture
def nbval(tmp_path):
    """Run nbval, strict, in a process of its own.

    ``nbval(*paths, KERAS_BACKEND="torch")`` returns the completed process; keywords are
    environment variables.
    """

    def run(*paths, **environ):
        # Without the variables of this run of pytest (and of xdist) itself.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        # The notebooks lie outside of the repository: this file comes as a plugin.
        options = ["-p", "conftest", "-p", "no:cacheprovider", "--rootdir", tmp_path]
        command = [sys.executable, "-m", "pytest", "--nbval", "-q", "--color=no"]
        return subprocess.run(
            [*command, *options, *paths],
            cwd=ROOT,
            env=inherited | environ,
            capture_output=True,
            text=True,
        )

    return run
