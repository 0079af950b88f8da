"""How the formula tests draw their cases."""

import os

# One thread a process: the arrays are tiny, and pytest-xdist uses the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest  # noqa: E402
import record  # noqa: E402
from hypothesis import settings  # noqa: E402

import threeways  # noqa: E402, F401 - before any framework: it silences TensorFlow

# The same 100 cases on every run, so that a red test is red for everybody.
# `pytest --hypothesis-profile=explore` draws new ones, and ten times as many.
settings.register_profile("book", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("book")

STALE = pytest.StashKey()


def pytest_addoption(parser):
    """Add the option of `make formulas`."""
    parser.addoption("--record", action="store_true", help=f"write {record.FILE.name}")


def pytest_collection_modifyitems(items):
    """Have every case of every test noted."""
    for item in items:
        test = item.obj
        if hasattr(test, "hypothesis"):
            inner = test.hypothesis.inner_test
            if not hasattr(inner, "__wrapped__"):
                test.hypothesis.inner_test = record.each_case_of(inner)
        else:
            item.obj = record.each_case_of(test)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Gather what a worker has heard."""
    for key, entry in node.workeroutput.get("heard", []):
        record.add(tuple(key), *entry)


def pytest_sessionfinish(session, exitstatus):
    """Write ``formulas.yml``, or hold it against what was heard."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["heard"] = list(record.heard.items())
    elif config.getoption("record"):
        record.FILE.write_text(record.written(), encoding="utf-8")
    elif exitstatus == 0 and _everything_ran(config):
        file = record.FILE.read_text(encoding="utf-8")
        if found := list(record.stale(file, record.written())):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            config.stash[STALE] = found


def pytest_terminal_summary(terminalreporter, config):
    """Say what is out of date."""
    if found := config.stash.get(STALE, []):
        terminalreporter.section(f"{record.FILE.name} is out of date: make formulas")
        for line in found:
            terminalreporter.write_line(line)


def _everything_ran(config):
    here = config.rootpath / "tests" / "formulas"
    whole = [config.invocation_params.dir / argument for argument in config.args]
    picked = config.option.keyword or config.option.markexpr
    return whole == [here] and not picked and config.option.collectonly is False
