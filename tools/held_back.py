"""Say which installed packages are not the newest, and which others hold them back.

    python -m tools.held_back numpy torch tensorflow keras

Prints a line for each named package that has a newer release on the index. A package
that none of the installed ones holds back, but isn't the newest, may have no release
for this Python. The exit status is 0: it is no fault of ours.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def outdated() -> dict[str, str]:
    """Return the newest release of each installed package that is older, as pip says.

    Raises
    ------
    subprocess.CalledProcessError
        If pip can't ask its index.
    """
    command = [sys.executable, "-m", "pip", "list", "--outdated", "--format=json"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {
        canonicalize_name(package["name"]): package["latest_version"]
        for package in json.loads(said.stdout)
    }


def holders(name: str, version: str) -> list[str]:
    """Return the requirements of installed packages that refuse this version."""
    found = set()
    for package in metadata.distributions():
        for line in package.requires or []:
            wanted = Requirement(line)
            if canonicalize_name(wanted.name) != name:
                continue
            if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
                continue
            if not wanted.specifier.contains(version):
                found.add(f"{package.name} {package.version} ({wanted.specifier})")
    return sorted(found)


def report(names: Iterable[str], newest: dict[str, str]) -> list[str]:
    """Return a line for each of the packages that is not the newest."""
    lines = []
    for name in map(canonicalize_name, names):
        if name in newest:
            by = ", ".join(holders(name, newest[name])) or "nothing that is installed"
            here = metadata.version(name)
            lines.append(f"{name} {here} isn't {newest[name]}: held back by {by}")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Print the report for the packages on the command line; return 0."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.held_back",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("packages", nargs="+", help="names, as pip knows them")
    options = parser.parse_args(arguments)
    for line in report(options.packages, outdated()):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
