"""A house in miniature: the real tools and Makefile, with packages of a few bytes."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def write_wheel(folder, name, files=None):
    """Write the wheel of a package, version 1; return its path."""
    files = {f"{name}.py": "", **(files or {})}
    info = f"{name}-1.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = f"{info}/RECORD"
    files[record] = "".join(f"{path},,\n" for path in [*files, record])
    wheel = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


class House:
    """A checkout in miniature, and what a user may do in it."""

    def __init__(self, root, template):
        self.root = root
        self.template = template
        self.venv = root / ".venv"
        self.wheels = root / "wheels"
        self.wheels.mkdir(parents=True)
        (root / "tools").mkdir()
        shutil.copy(ROOT / "tools" / "environment.py", root / "tools")
        shutil.copy(ROOT / "Makefile", root)
        for name in ("alpha", "beta", "gamma"):
            write_wheel(self.wheels, name)
        self.write("book/requirements.txt", "-c ../constraints.txt\nalpha\n")
        self.write("requirements.txt", "-r book/requirements.txt\nbeta\n")
        self.write("constraints.txt", "alpha==1\nbeta==1\ngamma==1\n")
        self.write("pyproject.toml", '[project]\nname = "x"\n\n[tool.ruff]\na = 1\n')
        hostile = ("PIP_", "MAKE", "MFLAGS", "PYTHON")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(hostile)}
        # Packages come from the folder of wheels and from nowhere else.
        self.env["PIP_CONFIG_FILE"] = os.devnull
        self.env["PIP_FIND_LINKS"] = self.wheels.as_uri()
        self.env["PIP_NO_INDEX"] = "1"
        self.python = self.fake_python("python-in-haste", "")

    def write(self, name, text):
        """Write a file of the house."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, *command, prefix=(), **env):
        """Start a command in the house, in a process group of its own."""
        return subprocess.Popen(
            [*map(str, prefix), *map(str, command)],
            cwd=self.root,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=heed_signals,
        )

    def environment(self, *arguments, python=None, **env):
        """Run tools/environment.py; return its exit status and what it said."""
        return finish(self.start_environment(*arguments, python=python, **env), 100)

    def start_environment(self, *arguments, python=None, **env):
        """Start tools/environment.py."""
        script = (python or self.python, "tools/environment.py")
        return self.start(*script, *arguments, **env)

    def make(self, *arguments, **env):
        """Run make; return its exit status and what it said."""
        python = f"PYTHON={self.python}"
        return finish(self.start("make", python, *arguments, **env), 100)

    def fake_python(self, name, code):
        """Write a Python that runs `code` first, and copies environments."""
        first = self.write(f"bin/{name}.py", f"{code}\n{RUN_SCRIPT}")
        python = self.write(f"bin/{name}", FAKE_PYTHON)
        names = {"REAL": sys.executable, "FIRST": first, "TEMPLATE": self.template}
        for name, value in names.items():
            python.write_text(python.read_text().replace(name, str(value)))
        python.chmod(0o755)
        return python

    def python_of_version(self, major, minor):
        """Return a Python that says it is of another version than it is."""
        lie = f"import sys; sys.version_info = ({major}, {minor}, 0, 'final', 0)"
        return self.fake_python(f"python{major}.{minor}", lie)

    def installed(self):
        """Return which of our packages a finished `.venv` can import."""
        found = self.venv.glob("lib/python*/site-packages/*.dist-info/METADATA")
        names = {path.parent.name.split("-")[0] for path in found}
        return names & {"alpha", "beta", "gamma"}


# Making an environment takes seconds, copying one a moment.
FAKE_PYTHON = """#!/bin/sh
case "$1 $2" in
  tools/*) exec "REAL" "FIRST" "$0" "$@" ;;
  "-m venv") cp -R "TEMPLATE/." "$3" ;;
  *) exec "REAL" "$@" ;;
esac
"""

# The script's folder goes first on the path, as it does when it is run directly.
RUN_SCRIPT = """
import os, runpy, sys
sys.executable, sys.argv = sys.argv[1], sys.argv[2:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def heed_signals():
    """Undo what a caller in the background or under nohup has told us to ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def finish(process, timeout):
    """Wait for a process; return its exit status and its output."""
    output, _ = process.communicate(timeout=timeout)
    return process.returncode, output
