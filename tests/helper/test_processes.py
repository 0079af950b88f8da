"""Processes run, answer, and are gone afterwards, with whatever they have started."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from threeways import processes

CHILD = "import time; time.sleep(60)"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}])
print(child.pid)
child.wait()
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf")
time.sleep(60)
"""


def first_line(process):
    """Return the first line that a process prints."""
    end = time.monotonic() + 20
    while time.monotonic() < end and "\n" not in process.output():
        time.sleep(0.02)
    return process.output().splitlines()[0]


def gone(pid):
    """Tell whether a process ends within seconds, or has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(timeout=10)
    return not psutil.pid_exists(pid)


def test_run_returns_what_the_program_prints(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import sys; print('ü', *sys.argv[1:])", encoding="utf-8")
    assert processes.run(program, 1, "two") == "ü 1 two\n"


def test_environment_is_added_and_the_folder_is_used(tmp_path):
    code = "import os; print(os.environ['MINE'], 'PATH' in os.environ, os.getcwd())"
    printed = processes.run("-c", code, environment={"MINE": "x"}, folder=tmp_path)
    assert printed.split() == ["x", "True", os.path.realpath(tmp_path)]


def test_a_failure_says_what_the_program_wrote():
    with pytest.raises(processes.ProcessError, match=r"code 1\b[\s\S]*no such thing"):
        processes.run("-c", "raise ValueError('no such thing')")


def test_what_takes_too_long_is_stopped():
    process = processes.start("-c", PARENT)
    child = int(first_line(process))
    with pytest.raises(processes.ProcessError, match="still ran after 0.1 s"):
        process.wait(timeout=0.1)
    assert not process.running
    assert gone(child)


def test_stop_takes_the_descendants_along_and_may_come_twice():
    process = processes.start("-c", PARENT)
    child = int(first_line(process))
    assert process.running
    assert process.returncode is None
    process.stop()
    process.stop()
    assert not process.running
    assert gone(child)


@pytest.mark.skipif(sys.platform == "win32", reason="has no signals to ignore")
def test_stop_ends_by_force_what_will_not_listen():
    with processes.start("-c", STUBBORN) as process:
        assert first_line(process) == "deaf"
    assert process.returncode


def test_a_killed_notebook_takes_its_processes_along():
    code = f"""
from threeways import processes
process = processes.start("-c", {PARENT!r})
while "\\n" not in process.output():
    pass
print(process.output(), flush=True)
input()
"""
    notebook = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(notebook.stdout.readline())
    assert psutil.pid_exists(child)
    notebook.kill()
    notebook.wait()
    assert gone(child)
    notebook.stdin.close()
    notebook.stdout.close()


def test_wait_for_port_waits_for_the_answer():
    port = processes.free_port()
    with processes.start("-m", "http.server", port, "--bind", "127.0.0.1") as server:
        server.wait_for_port(port)
        assert server.running
    with pytest.raises(processes.ProcessError, match="within 0.1 s"):
        processes.start("-c", CHILD).wait_for_port(port, timeout=0.1)


def test_wait_for_port_reports_a_server_that_fails():
    process = processes.start("-c", "raise SystemExit('out of order')")
    with pytest.raises(processes.ProcessError, match="out of order"):
        process.wait_for_port(processes.free_port())


def test_signals_of_the_program_are_failures():
    code = f"import os; os.kill(os.getpid(), {int(signal.SIGTERM)})"
    with pytest.raises(processes.ProcessError, match="ended with code"):
        processes.run("-c", code)
