"""What a run of the notebooks took, and whether it passed: a pytest plugin.

    pytest --nbval notebooks --report _build/reports/notebooks.json

The file says for each notebook which cells ran and passed, how long each took, and how
much memory its kernel and the processes that it started had at once, at most;
`make status` reads it. Tests that run an edition in a process of their own pass its
report on as the property ``RUN``.
"""

import contextlib
import functools
import json
import platform
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from tools import accelerator
from tools.notebooks import chapter_name, code_cells, write
from tools.status import WHOLE, fingerprint

RUN = "run of a notebook"
"""The property of a test that holds what :meth:`Report.runs` makes of a notebook."""
NOTEBOOK, MEMORY = "notebook", "memory"  # properties of a cell
INTERVAL = 0.5  # seconds between two looks at the memory of a kernel and its children
PACKAGES = ("numpy", "torch", "tensorflow", "keras", "jax")
ABOUT, METER = pytest.StashKey(), pytest.StashKey()


def pytest_addoption(parser):
    """Add the option that names the report."""
    parser.addoption("--report", metavar="FILE", help="write what the notebooks took")


def pytest_configure(config):
    """Gather on the controller what all workers report."""
    if config.option.report and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report(config), "report-of-notebooks")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item):
    """Say which notebook a cell is of, and watch the kernel that is started for it."""
    notebook = item.parent if item.config.option.report else None
    if not hasattr(notebook, "nb"):  # not a cell, or nobody asked
        return (yield)
    if ABOUT not in notebook.stash:  # once a notebook, not for each cell
        notebook.stash[ABOUT] = {
            "path": str(notebook.path),
            "hash": fingerprint(notebook.nb),
            "cells": len(list(code_cells(notebook.nb))),
        }
    item.user_properties.append((NOTEBOOK, notebook.stash[ABOUT]))
    result = yield
    if METER not in notebook.stash:
        notebook.stash[METER] = Meter(notebook.kernel.km.provisioner.pid)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Note the memory after each cell: nobody knows here which is the last."""
    try:
        return (yield)
    finally:
        if item.parent and (meter := item.parent.stash.get(METER, None)):
            item.user_properties.append((MEMORY, meter.read()))


class Meter:
    """The most memory that a process and its descendants have had, in bytes.

    Sums of the family are looked at every half second; memory that processes share
    counts for each. The process itself has a high-water mark where the system keeps
    one: on Linux and Windows.
    """

    def __init__(self, pid: int):
        self._process = psutil.Process(pid)
        self._peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        with contextlib.suppress(psutil.NoSuchProcess):  # the kernel's end is ours
            while True:
                self._look()
                time.sleep(INTERVAL)

    def _look(self):
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):  # gone meanwhile, or not ours
                total += process.memory_info().rss
        self._peak = max(self._peak, total)

    def read(self) -> int:
        """Return the peak so far."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._look()
            self._peak = max(self._peak, self._high_water())
        return self._peak

    def _high_water(self):
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return getattr(self._process.memory_info(), "peak_wset", 0)


class Report:
    """Gathers what the cells report; writes it when the tests have ended."""

    def __init__(self, config):
        self.config = config
        self.started = datetime.now(UTC)
        self.clock = time.perf_counter()
        self.notebooks = {}  # path: what is known of it
        self.passed_on = []

    def pytest_runtest_logreport(self, report):
        """Note a phase of a test."""
        properties = dict(report.user_properties)
        if report.when == "call" and RUN in properties:
            run = properties[RUN]
            self.passed_on.append({**run, "passed": run["passed"] and report.passed})
        if about := properties.get(NOTEBOOK):
            known = {"seconds": [], "overhead": 0.0, "memory": 0, "passed": True}
            notebook = self.notebooks.setdefault(about["path"], about | known)
            notebook["passed"] &= report.passed
            notebook["memory"] = max(notebook["memory"], properties.get(MEMORY, 0))
            if report.when == "call":
                notebook["seconds"].append(round(report.duration, 3))
            else:
                notebook["overhead"] += report.duration

    def runs(self) -> list[dict]:
        """Return what there is to say of each notebook."""
        return self.passed_on + [
            {
                "chapter": chapter_name(Path(path)),
                "edition": WHOLE,
                "hash": notebook["hash"],
                "passed": notebook["passed"],
                "cells": notebook["cells"],
                "seconds": notebook["seconds"],  # cell by cell
                "overhead": round(notebook["overhead"], 3),  # the kernel's start, end
                "memory_mib": round(notebook["memory"] / 2**20),
            }
            for path, notebook in sorted(self.notebooks.items())
        ]

    def pytest_sessionfinish(self):
        """Write the report, if a notebook ran."""
        if not (runs := self.runs()):
            return
        report = {
            "date": self.started.date().isoformat(),
            "compared": not self.config.option.nbval_lax,
            "wall": round(time.perf_counter() - self.clock, 3),
            "workers": getattr(self.config.option, "numprocesses", None) or 1,
            "environment": environment(),
            "runs": runs,
        }
        file = self.config.invocation_params.dir / self.config.option.report
        write(file, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


@functools.cache
def environment() -> dict:
    """Return where the notebooks run: versions, the machine, and its accelerator."""
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    seen = accelerators()
    return {
        "python": platform.python_version(),
        **versions,
        "system": _system(),
        "cpu": f"{_cpu()}, {psutil.cpu_count()} threads",
        **({"accelerator": seen[min(seen)], "seen_by": sorted(seen)} if seen else {}),
    }


def accelerators() -> dict[str, str]:
    """Return, for each framework that sees an accelerator, the name it has there.

    Frameworks take seconds to import: they are asked only where there is a driver.
    """
    if not (shutil.which("nvidia-smi") or Path("/dev/kfd").exists()):
        return {}
    return {framework: name for framework, name in accelerator.seen().items() if name}


def _system():
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:  # not Linux
        name = platform.platform(terse=True)
    return f"{name}, {platform.machine()}"


def _cpu():
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
