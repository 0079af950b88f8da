"""Make and keep `.venv`, the virtual environment that every `make` target runs in.

    python3 tools/environment.py book     # what building the pages needs, no framework
    python3 tools/environment.py full     # everything: frameworks, tests, JupyterLab

Installs when there is no finished environment or the requirements have changed, and
otherwise does nothing. `--chosen` says that the caller asked for this very Python, so
an environment of another version is made again.

A stamp inside `.venv` says what was installed. It is emptied before anything changes
and written after all went well, so an unfinished environment is never taken for a good
one: the next run makes it again from the start.

Standard library only, and syntax that Python 3.6 can read: an old Python must get as
far as telling its user that it is too old.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "environment.json"
LOG = ROOT / "_build" / "install.log"

OLDEST = (3, 11)
NEWEST_FULL = (3, 13)  # the newest that TensorFlow has wheels for

# Each level contains those before it. `files` are what its packages depend on.
LEVELS = {
    "book": {
        "what": "what building the pages needs",
        "requirements": "book/requirements.txt",
        "files": ["book/requirements.txt", "constraints.txt"],
        "gigabytes": 0.5,
    },
    "full": {
        "what": "everything, with PyTorch, TensorFlow and Keras",
        "requirements": "requirements.txt",
        "files": [
            "book/requirements.txt",
            "constraints.txt",
            "requirements.txt",
            "pyproject.toml",
        ],
        "gigabytes": 5,  # and with PyTorch's CUDA libraries, Linux's default, nearly 8
    },
}


class Trouble(Exception):
    """Something the user has to mend: what happened, and what to do about it."""

    def __init__(self, what, remedy):
        super().__init__(what)
        self.what, self.remedy = what, remedy


def main(arguments):
    """Bring the environment to the level asked for; return the exit status."""
    chosen = "--chosen" in arguments
    level = next((a for a in arguments if a in LEVELS), None)
    if level is None:
        print("usage: environment.py book|full [--chosen]", file=sys.stderr)
        return 2
    if is_ready(level, chosen):
        return 0
    interrupt_on_kill()
    try:
        with Lock() as lock:
            # Another make may have done the work while this one waited for the lock.
            if not is_ready(level, chosen):
                prepare(level, chosen, lock)
        return 0
    except Trouble as trouble:
        return report(trouble.what, trouble.remedy)
    except KeyboardInterrupt:
        remedy = "Nothing to clean up: the next make starts the installation again."
        return report("Interrupted, so .venv is not finished.", remedy, status=130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        full_disk = disk_full()
        return report(full_disk.what, full_disk.remedy)


def is_ready(level, chosen):
    """Whether `.venv` is finished, current, and at `level` or above."""
    stamp = read_stamp()
    return stamp["levels"].get(level) == digest(level) and is_usable(stamp, chosen)


def is_usable(stamp, chosen):
    """Whether the finished `.venv` works here, and with the Python asked for."""
    return (
        bool(stamp["levels"])
        and stamp["root"] == str(ROOT)  # an environment can't be moved or copied
        and PYTHON.exists()  # false too for a link whose interpreter has vanished
        and stamp["interpreter"] == os.path.basename(os.path.realpath(str(PYTHON)))
        and not (chosen and tuple(stamp["python"]) != sys.version_info[:2])
    )


def read_stamp():
    """What is installed; no levels if nothing is, or not all of it."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"levels": {}}


def write_stamp(stamp):
    """Replace the stamp in one step, so that no reader ever sees half of one."""
    draft = STAMP.with_suffix(".draft")
    draft.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    os.replace(str(draft), str(STAMP))


def digest(level):
    """A hash of everything that decides which packages the level holds."""
    content = hashlib.sha256()
    for name in LEVELS[level]["files"]:
        text = (ROOT / name).read_text(encoding="utf-8")
        if name == "pyproject.toml":
            # Only what pip reads of it: the settings of pytest and ruff may change.
            tables = re.split(r"(?m)^(?=\[)", text)
            pips = ("[build-system", "[project", "[tool.hatch")
            text = "".join(table for table in tables if table.startswith(pips))
        content.update(text.encode() + b"\0")
    return content.hexdigest()


def prepare(level, chosen, lock):
    """Make `.venv` or change it, so that it is finished and current."""
    stamp = read_stamp()
    keep = is_usable(stamp, chosen)
    if keep and "full" in stamp["levels"]:
        level = "full"  # else the next `make test` would have to install again
    version = tuple(stamp["python"]) if keep else sys.version_info[:2]
    check_python(version, level)
    check_space(level, stamp if keep else {"levels": {}})

    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w", encoding="utf-8") as log:
        if not keep:
            check_venv_module()
            if VENV.exists():
                say("Making .venv afresh: the one there is unfinished or unusable.")
                shutil.rmtree(str(VENV))
            VENV.mkdir()
        write_stamp({"levels": {}})
        say(f"Installing {LEVELS[level]['what']}, into .venv. Later runs skip this.")
        if not keep:
            run([sys.executable, "-m", "venv", str(VENV)], log, lock)
        options = ["--no-compile", "--no-input", "--disable-pip-version-check"]
        requirements = ["-r", LEVELS[level]["requirements"]]
        run([str(PYTHON), "-m", "pip", "install"] + options + requirements, log, lock)

    levels = ["book", "full"] if level == "full" else ["book"]
    write_stamp(
        {
            "levels": {name: digest(name) for name in levels},
            "python": list(version),
            "interpreter": os.path.basename(os.path.realpath(str(PYTHON))),
            "root": str(ROOT),
        }
    )


def check_python(version, level):
    """Refuse a Python that is too old, or too new for the frameworks."""
    found = ".".join(map(str, version))
    oldest, newest = (".".join(map(str, v)) for v in (OLDEST, NEWEST_FULL))
    others = [f"python3.{minor}" for minor in (13, 12, 11)]
    other = next((name for name in others if runs(name)), None)
    if other:
        remedy = f"You have {other}: add PYTHON={other} to the make command."
    else:
        remedy = (
            f"Install Python {oldest} to {newest} (https://www.python.org/downloads/),"
            f" then add PYTHON=python{newest} (or the like) to the make command."
        )
    if version < OLDEST:
        raise Trouble(
            f"The book needs Python {oldest} or newer; this one is {found}.", remedy
        )
    if level == "full" and version > NEWEST_FULL:
        raise Trouble(
            f"TensorFlow isn't made for Python {found} yet, only up to {newest}."
            " (`make book` works without it.)",
            remedy,
        )


def runs(command):
    """Whether this Python is here and starts: a version manager's shim may not."""
    import subprocess

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.call([command, "-c", ""], **quiet) == 0
    except OSError:
        return False


def check_venv_module():
    """Refuse a Python without venv and ensurepip, as Debian ships it."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        version = ".".join(map(str, sys.version_info[:2]))
        raise Trouble(
            f"Python {version} at {sys.executable} can't make virtual environments:"
            " its venv or ensurepip module is missing.",
            f"On Debian and Ubuntu: sudo apt install python{version}-venv",
        ) from None


def check_space(level, stamp):
    """Refuse to begin what the disk has no room to finish."""
    done = max([LEVELS[name]["gigabytes"] for name in stamp["levels"]] + [0])
    needed = LEVELS[level]["gigabytes"] - done
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < needed:
        raise disk_full(f"{free:.1f} GB are free, and about {needed:g} GB are needed.")


def disk_full(detail="The disk ran full while packages were being installed."):
    """The trouble that both a forecast and a failed write report."""
    remedy = f"Free some space on the disk of {ROOT} (and of pip's temporary files)."
    return Trouble(f"There is not enough space on the disk. {detail}", remedy)


def run(command, log, lock):
    """Run `command` with its output in `log`; say now and then how far it is."""
    import subprocess

    hostile = ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    process = subprocess.Popen(
        command,
        cwd=str(ROOT),
        env={k: v for k, v in os.environ.items() if k not in hostile},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        # Should this process be killed, pip goes on: the lock must outlive us then.
        pass_fds=[lock],
    )
    output = []
    with process, Ticker() as ticker:
        try:
            for line in process.stdout:
                output.append(line)
                log.write(line)
                ticker.see(line)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        log.flush()
        raise diagnose("".join(output))


def diagnose(output):
    """Turn the output of a failed installation into what to tell the user."""
    log = f"pip's log is in {LOG.relative_to(ROOT)}."
    if re.search(r"No space left on device|Errno 28\b|Disk quota exceeded", output):
        full = disk_full()
        return Trouble(full.what, f"{full.remedy} {log}")
    # pip ends with "no matching distribution" when it reached no index at all.
    if re.search(r"Retrying \(|ConnectionError|Timeout|ProxyError|SSLError", output):
        return Trouble(
            "pip couldn't reach the package index to download what is missing.",
            "Check the network (or PIP_INDEX_URL, HTTPS_PROXY), then run make again. "
            + log,
        )
    if "ResolutionImpossible" in output:
        return Trouble(
            "The requirements contradict each other, or constraints.txt is too old.",
            f"After changing a requirement, run `make lock`. {log}",
        )
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    return Trouble(
        "pip failed. " + " ".join(errors[:2] or output.splitlines()[-1:]), log
    )


class Ticker:
    """Prints every ten seconds what pip is at, so that nobody thinks it hangs."""

    def __enter__(self):
        import threading
        import time

        self.step, self.start, self.done = "Starting", time.time(), threading.Event()

        def tick():
            while not self.done.wait(10):
                say(f"  {time.time() - self.start:4.0f} s  {self.step}")

        threading.Thread(target=tick, daemon=True).start()
        return self

    def see(self, line):
        """Remember a line of pip's output that says what it is doing."""
        words = line.split()
        if len(words) > 1 and words[0] in ("Collecting", "Downloading"):
            name = words[1].rsplit("/", 1)[-1]
            self.step = " ".join([words[0], name] + words[2:])
        elif line.startswith("Installing collected packages"):
            self.step = f"Unpacking {line.count(',') + 1} packages"

    def __exit__(self, *_):
        self.done.set()


class Lock:
    """Keeps two makes from changing `.venv` at once. Gone with its last holder."""

    def __enter__(self):
        self.handle = os.open(str(ROOT), os.O_RDONLY)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another make is installing into .venv; waiting for it to finish.")
            fcntl.flock(self.handle, fcntl.LOCK_EX)
        return self.handle

    def __exit__(self, *_):
        os.close(self.handle)


def interrupt_on_kill():
    """Let kill, or a closed terminal, end the work as tidily as Ctrl-C does.

    What the caller ignores stays ignored: nohup and `make &` mean it.
    """
    import signal

    def interrupt(number, frame):
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def say(text):
    """Tell the user at once, even where the output goes through a pipe."""
    print(text, flush=True)


def report(what, remedy, status=1):
    """Print a trouble and its remedy, the same way for all of them."""
    print(f"\n{what}\n{remedy}\n", file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
