"""`.venv` is made once, again when it must be, and never half-made."""

import ast
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from tests.house.miniature import ROOT, finish, write_wheel

READY = (0, "")  # nothing to do, nothing to say


def test_it_is_made_once(house):
    status, output = house.environment("book", python=sys.executable)  # a real one
    assert status == 0 and "Installing" in output
    assert house.installed() == {"alpha"}
    assert house.environment("book") == READY


def test_doing_nothing_takes_no_time(house):
    house.environment("book")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(5):
        assert house.environment("book") == READY
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used / 5 < 0.15  # seconds of the processor: other work doesn't count


def test_everything_includes_what_the_book_needs(house):
    assert house.environment("full")[0] == 0
    assert house.installed() == {"alpha", "beta"}
    assert house.environment("book") == READY


def test_the_book_s_environment_grows_into_the_full_one(house):
    house.environment("book")
    kept = house.write(".venv/kept", "")
    assert house.environment("full")[0] == 0
    assert house.installed() == {"alpha", "beta"}
    assert kept.exists()


def test_a_changed_requirement_installs_once_more(house):
    house.environment("book")
    house.write("book/requirements.txt", "alpha\ngamma\n")
    assert "Installing" in house.environment("book")[1]
    assert house.installed() == {"alpha", "gamma"}
    assert house.environment("book") == READY


def test_a_full_environment_stays_full_when_requirements_change(house):
    house.environment("full")
    house.write("book/requirements.txt", "alpha\ngamma\n")
    assert house.environment("book")[0] == 0
    assert house.environment("full") == READY
    assert house.installed() == {"alpha", "beta", "gamma"}


def test_only_what_pip_reads_of_pyproject_counts(house):
    house.environment("full")
    house.write("pyproject.toml", '[project]\nname = "x"\n\n[tool.ruff]\na = 2\n')
    assert house.environment("full") == READY
    house.write("pyproject.toml", '[project]\nname = "y"\n')
    assert "Installing" in house.environment("full")[1]


def test_without_a_network_it_says_so_and_mends_it_later(house):
    with socket.socket() as closed:  # bound, so nobody else's; and not listening
        closed.bind(("127.0.0.1", 0))
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        status, output = house.environment(
            "book",
            PIP_NO_INDEX="0",
            PIP_INDEX_URL=index,
            PIP_FIND_LINKS="",
            PIP_RETRIES="1",
        )
    assert status == 1
    assert "couldn't reach the package index" in output
    log = re.search(r"log is in (\S+?)\.?\s", output)[1]
    assert "Retrying" in (house.root / log).read_text()
    assert "Traceback" not in output
    assert "afresh" in house.environment("book")[1]
    assert house.environment("book") == READY


def test_a_package_that_does_not_exist_is_not_blamed_on_the_network(house):
    house.write("book/requirements.txt", "no-such-package\n")
    status, output = house.environment("book")
    assert status == 1
    assert "pip failed" in output and "no-such-package" in output
    assert "reach" not in output


def test_an_old_python_is_refused_before_anything_is_made(house):
    old = house.python_of_version(3, 9)
    status, output = house.environment("book", python=old, PATH="/nowhere")
    assert status == 1
    assert "needs Python 3.11 or newer; this one is 3.9" in output
    assert "Install Python" in output
    assert not house.venv.exists()


def test_a_better_python_nearby_is_named(house):
    old = house.python_of_version(3, 9)
    house.python_of_version(3, 12)
    shim = house.write("bin/python3.13", "#!/bin/sh\nexit 127\n")  # none behind it
    shim.chmod(0o755)
    path = f"{house.root / 'bin'}:{os.environ['PATH']}"
    assert "PYTHON=python3.12" in house.environment("book", python=old, PATH=path)[1]


def test_an_old_python_may_use_a_finished_environment(house):
    house.environment("book")
    old = house.python_of_version(3, 9)
    assert house.environment("book", python=old) == READY


def test_the_script_is_readable_for_an_old_python():
    source = (ROOT / "tools" / "environment.py").read_text()
    ast.parse(source, feature_version=(3, 6))


def test_a_python_too_new_for_the_frameworks_can_build_the_book_only(house):
    new = house.python_of_version(3, 14)
    assert house.environment("book", python=new)[0] == 0
    status, output = house.environment("full", python=new)
    assert status == 1
    assert "TensorFlow isn't made for Python 3.14 yet" in output


def test_another_python_is_used_when_asked_for_and_then_kept(house):
    other = house.python_of_version(*sys.version_info[:1], sys.version_info[1] + 1)
    house.environment("book")
    assert house.environment("book", python=other) == READY
    assert "afresh" in house.environment("book", "--chosen", python=other)[1]
    assert house.environment("book", "--chosen", python=other) == READY
    assert house.environment("book") == READY


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_is_refused(house, missing):
    python = house.fake_python("python", f"import sys; sys.modules['{missing}'] = None")
    status, output = house.environment("book", python=python)
    assert status == 1
    assert "apt install python3" in output
    assert not house.venv.exists()


FREE = "import shutil, collections; shutil.disk_usage = lambda path: (\n" + (
    "    collections.namedtuple('usage', 'total used free')(0, 0, {free}))"
)


def test_too_small_a_disk_is_refused_before_anything_is_made(house):
    python = house.fake_python("python", FREE.format(free=2e9))
    status, output = house.environment("full", python=python)
    assert status == 1
    assert "2.0 GB are free, and about 5 GB are needed" in output
    assert not house.venv.exists()
    assert house.environment("book", python=python)[0] == 0


def test_a_disk_that_runs_full_is_named(house):
    """On a real file system that really runs full, in a namespace of its own."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a small file system for a test")
    write_wheel(house.wheels, "gamma", {"large.bin": os.urandom(64_000_000)})
    house.write("book/requirements.txt", "gamma\n")
    python = house.fake_python("python", FREE.format(free=9e9))
    house.write("small/mounted_here", "")
    script = (
        "mount -t tmpfs -o size=60m tmpfs small;"
        " cp -r tools book *.txt pyproject.toml small; cd small;"
        ' "$0" tools/environment.py book; echo "status $?"; ls .venv/environment.json'
    )
    run = house.start("unshare", "-rm", "sh", "-c", script, python)
    output = finish(run, 100)[1]
    assert "not enough space on the disk" in output
    assert "status 1" in output


def test_an_interrupted_installation_starts_again(house):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with SlowIndex() as index:
            process = house.start_environment("book", **index.env)
            index.wait_for_pip()
            os.kill(process.pid, number)
            status, output = finish(process, 20)
        assert status == 130
        assert "Interrupted" in output and "Traceback" not in output
    assert "afresh" in house.environment("book")[1]
    assert house.installed() == {"alpha"}


def test_an_update_cut_short_is_not_forgotten_when_the_change_is_taken_back(house):
    house.environment("book")
    before = (house.root / "book/requirements.txt").read_text()
    house.write("book/requirements.txt", "alpha\nno-such-package\n")
    assert house.environment("book")[0] == 1
    house.write("book/requirements.txt", before)
    assert "afresh" in house.environment("book")[1]


def test_a_killed_installation_starts_again_once_its_pip_has_ended(house):
    with SlowIndex() as index:
        process = house.start_environment("book", **index.env)
        index.wait_for_pip()
        leftover = house.write(".venv/leftover", "")
        os.kill(process.pid, signal.SIGKILL)  # pip, its child, goes on
        process.wait()
        process.stdout.close()
        second = house.start_environment("book")
        assert "Another make" in second.stdout.readline()
        assert leftover.exists()
    status, output = finish(second, 100)
    assert status == 0 and "afresh" in output
    assert not leftover.exists()
    assert house.installed() == {"alpha"}


def test_two_at_once_install_once(house):
    processes = [house.start_environment("book") for _ in range(3)]
    ended = [finish(process, 100) for process in processes]
    assert [status for status, _ in ended] == [0, 0, 0]
    assert "".join(output for _, output in ended).count("Installing") == 1


def test_an_environment_whose_python_has_vanished_is_made_again(house):
    house.environment("book")
    python = house.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    assert "afresh" in house.environment("book")[1]
    assert house.environment("book") == READY


def test_an_environment_that_was_copied_is_made_again(house, tmp_path):
    house.environment("full")
    shutil.copytree(house.root, tmp_path / "copy", symlinks=True)
    house.root = tmp_path / "copy"
    assert "afresh" in house.environment("full")[1]
    config = (house.root / ".venv" / "pyvenv.cfg").read_text()
    assert "a house" not in config


def test_an_environment_not_made_by_us_is_made_again(house):
    house.write(".venv/pyvenv.cfg", "home = /nowhere\n")
    assert "afresh" in house.environment("book")[1]
    assert house.installed() == {"alpha"}


class SlowIndex:
    """A package index that answers nothing until it closes."""

    def __enter__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        port = self.server.getsockname()[1]
        self.env = {
            "PIP_NO_INDEX": "0",
            "PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple",
            "PIP_FIND_LINKS": "",
            "PIP_RETRIES": "0",
        }
        self.calls = []
        return self

    def wait_for_pip(self):
        """Return once pip is at work and waits for an answer."""
        self.server.settimeout(60)
        self.calls.append(self.server.accept()[0])

    def __exit__(self, *_):
        self.server.close()
        for call in self.calls:
            call.close()
