"""Python programs in processes of their own, for chapters that need several.

A server, a second backend, a group of workers: started by a cell, and gone with it. A
supervisor stands between the notebook and the program. It stops the program, with
whatever that has started, when told so, or when the notebook's process is gone, even if
that was killed.

    server = processes.start("-m", "uvicorn", "service:app", "--port", str(port))
    server.wait_for_port(port)
    ...
    server.stop()
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

GRACE = 3.0
"""Seconds that a program has between the request to stop and the end by force."""


class ProcessError(RuntimeError):
    """A program ended with an error, too early or too late; says what it printed."""


class Process:
    """A running Python program; made by :func:`start`."""

    def __init__(self, arguments, environment, folder):
        self._name = " ".join(map(str, arguments))
        self._folder = tempfile.TemporaryDirectory()
        self._printed = Path(self._folder.name, "stdout")
        self._complained = Path(self._folder.name, "stderr")
        settings = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", **(environment or {})}
        with self._printed.open("wb") as out, self._complained.open("wb") as err:
            self._supervisor = subprocess.Popen(
                [sys.executable, __file__, sys.executable, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                env={**os.environ, **settings},
                cwd=folder,
            )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    @property
    def running(self):
        """Whether the program hasn't ended yet."""
        return self._supervisor.poll() is None

    @property
    def returncode(self):
        """0 after success, another number after a failure, None while it runs."""
        return self._supervisor.poll()

    def output(self):
        """Return what the program has printed so far to stdout, as text."""
        return self._printed.read_text(encoding="utf-8", errors="replace")

    def errors(self):
        """Return what the program has written so far to stderr, as text."""
        return self._complained.read_text(encoding="utf-8", errors="replace")

    def wait(self, timeout=60):
        """Wait for the program's end and return what it printed.

        Raises ProcessError if it fails, or still runs after ``timeout`` seconds (it is
        stopped then).
        """
        try:
            code = self._supervisor.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise self._error(f"still ran after {timeout} s") from None
        if code:
            raise self._error(f"ended with code {code}")
        return self.output()

    def wait_for_port(self, port, timeout=30):
        """Wait until the program answers on a port of this machine.

        Raises ProcessError if it ends before, or doesn't answer within ``timeout``
        seconds (it is stopped then).
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if not self.running:
                raise self._error(f"ended with code {self.returncode}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            time.sleep(0.05)
        self.stop()
        raise self._error(f"didn't answer on port {port} within {timeout} s")

    def stop(self):
        """Stop the program and all it has started. Doing so twice does no harm."""
        with contextlib.suppress(OSError):
            self._supervisor.stdin.close()  # the supervisor's sign
        self._supervisor.wait()

    def _error(self, what):
        tail = (self.errors() or self.output()).strip()[-2000:]
        return ProcessError(f"python {self._name} {what}. It wrote:\n{tail}")


def start(*arguments, environment=None, folder=None):
    """Start a Python program and return at once.

    Arguments: what would follow ``python`` on a command line, such as a file and its
    arguments, or "-m" and a module. environment: dict of variables to add to this
    process' own. folder: where it runs; here, unless told.
    """
    return Process(arguments, environment, folder)


def run(*arguments, environment=None, folder=None, timeout=60):
    """Run a Python program to its end and return what it printed to stdout, as text.

    Arguments as of :func:`start`. Raises ProcessError with the end of its messages if
    it fails, or still runs after ``timeout`` seconds.
    """
    with start(*arguments, environment=environment, folder=folder) as process:
        return process.wait(timeout)


def free_port():
    """Return the number of a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _supervise(command):
    """Run a command; stop it with all its descendants when stdin ends."""
    import psutil  # here only: the notebook's side doesn't need it

    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    asked, ended = threading.Event(), threading.Event()

    def stop_at_the_end_of_input():
        os.read(sys.stdin.fileno(), 1)  # returns at the end; nothing is ever sent
        asked.set()
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(program.pid).children(recursive=True)
        for end in ("terminate", "kill"):
            for process in (program, *family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    getattr(process, end)()
            ended.wait(GRACE)  # only its parent, below, may ask for its return code
            _, family = psutil.wait_procs(family, timeout=GRACE)

    stopper = threading.Thread(target=stop_at_the_end_of_input, daemon=True)
    stopper.start()
    code = program.wait()
    ended.set()
    if asked.is_set():  # the program's own end isn't that of its family
        stopper.join()
    return code


if __name__ == "__main__":
    sys.exit(_supervise(sys.argv[1:]))
