"""Write the chapters' notebooks as Colab opens them, and the wheel they install.

    GITHUB_REPOSITORY=owner/name python -m tools.publish   # into _build/published/

For every chapter, the whole notebook and one for each framework. A first cell installs
the helper package from the published place, and links lead to the published book, since
those from file to file lead nowhere in Colab. Nothing else is changed.

Where that is says GITHUB_REPOSITORY, which GitHub sets in its workflows, or else
``repository.url`` in ``_config.yml``; hence a fork's notebooks and buttons lead to the
fork. BOOK_URL says where the pages are, if not on GitHub Pages.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import nbformat.v4
import yaml
from docutils.nodes import make_id
from nbformat import NotebookNode

from tools.editions import edition, relink
from tools.groups import FRAMEWORKS
from tools.notebooks import ROOT, chapter_name, dumps, find, read, shown, write

OUT = ROOT / "_build" / "published"
BRANCH = "published"
"""The branch of the repository that holds what this module writes."""
ALL = "all"
"""The folder of the whole notebooks, beside those of the frameworks."""
COLAB = "https://colab.research.google.com/github"


class Place(NamedTuple):
    """Where the book is published: its repository, and its pages, ending in a slash."""

    repository: str
    pages: str

    @property
    def name(self) -> str:
        """The repository's owner and name, as ``owner/name``."""
        return "/".join(self.repository.rsplit("/", 2)[1:])

    def colab(self, folder: str, chapter: str) -> str:
        """Return the address at which Colab opens a chapter."""
        return f"{COLAB}/{self.name}/blob/{BRANCH}/{folder}/{chapter}.ipynb"

    def wheel(self, file: str) -> str:
        """Return the address of the helper package."""
        return f"{self.repository}/raw/{BRANCH}/{file}"

    def page(self, file: Path, fragment: str) -> str:
        """Return the address of a file of the repository: its page, if it has one."""
        path = file.relative_to(ROOT).as_posix()
        if file.suffix not in (".md", ".ipynb"):
            return f"{self.repository}/blob/main/{path}{fragment}"
        if fragment.startswith("#eq-"):
            fragment = f"#equation-{fragment[1:]}"
        elif file.suffix == ".ipynb" and fragment:
            fragment = f"#{make_id(fragment)}"
        return f"{self.pages}{path.removesuffix(file.suffix)}.html{fragment}"


def published_place(
    environ: Mapping[str, str] = os.environ, config: Path = ROOT / "_config.yml"
) -> Place | None:
    """Return where the book is published, or None if that isn't settled yet."""
    if name := environ.get("GITHUB_REPOSITORY"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        repository = f"{server}/{name}"
    else:
        settings = yaml.safe_load(config.read_text(encoding="utf-8"))
        repository = settings["repository"]["url"].rstrip("/").removesuffix(".git")
        if not repository:
            return None
    owner, project = repository.lower().rsplit("/", 2)[1:]
    own_site = project == f"{owner}.github.io"
    pages = f"https://{owner}.github.io/" + ("" if own_site else f"{project}/")
    return Place(repository, (environ.get("BOOK_URL") or pages).rstrip("/") + "/")


def set_up(place: Place, wheel: str, packages: list[str]) -> NotebookNode:
    """Return the cell that installs what a chapter imports, and moves nothing.

    The helper comes alone, and anew: pip would keep an older one of the same version.
    """
    install = "%pip install --quiet"
    lines = [
        f"# Set-up. From {place.repository}:",
        "# installs the book's helper package and what this chapter runs besides.",
        "# What is installed here already keeps its version.",
        f"{install} --no-deps --force-reinstall {place.wheel(wheel)}",
    ]
    if packages:
        lines[3:3] = ["import sys", "import tempfile", ""]
        lines += [
            "",
            'installed = f"{tempfile.mkdtemp()}/installed.txt"',
            '!"{sys.executable}" -m pip list --format=freeze > "{installed}"',
            f'{install} --constraint "{{installed}}" {" ".join(packages)}',
        ]
    return nbformat.v4.new_code_cell("\n".join(lines), id="set-up")


def published(path: Path, folder: str, place: Place, wheel: str) -> NotebookNode:
    """Return a chapter as it is published in ``folder``: a framework, or ALL."""
    notebook = read(path)
    if folder != ALL:
        notebook = edition(notebook, folder)
    relink(notebook, path, place.page)
    packages = notebook.metadata.threeways.get("packages", [])
    notebook.cells.insert(0, set_up(place, wheel, packages))
    return notebook


def write_published(
    place: Place, out: Path = OUT, paths: list[Path] | None = None
) -> list[Path]:
    """Write the wheel and the notebooks into a folder; return the notebooks.

    Raises
    ------
    FileExistsError
        If the folder holds something else than what was published before.
    """
    if out.exists() and not {path.name for path in out.iterdir()} <= {
        "README.md",
        ALL,
        *FRAMEWORKS,
        *(path.name for path in out.glob("*.whl")),
    }:
        raise FileExistsError(f"{shown(out)} holds other things; empty it first")
    shutil.rmtree(out, ignore_errors=True)
    wheel = build_wheel(out)
    written = []
    for path in find() if paths is None else paths:
        for folder in (ALL, *read(path).metadata.threeways.frameworks):
            file = out / folder / f"{chapter_name(path)}.ipynb"
            write(file, dumps(published(path, folder, place, wheel.name)))
            written.append(file)
    write(
        out / "README.md",
        f"The notebooks of [{place.pages}]({place.pages}), with what they install.\n"
        f"`make publish` wrote them from the branch main; change nothing here.\n",
    )
    return written


def build_wheel(out: Path) -> Path:
    """Build the helper package into a folder; return the file."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation"]  # with the pinned hatchling, and no network
    subprocess.run([*command, "--wheel-dir", str(out), str(ROOT)], check=True)
    (wheel,) = out.glob("threeways-*.whl")
    return wheel


def main() -> int:
    """Write what is published from the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.publish",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=OUT, help="where to write them")
    options = parser.parse_args()
    place = published_place()
    if place is None:
        parser.error(
            "where will the book be published? Say GITHUB_REPOSITORY=owner/name, or "
            "set repository.url in _config.yml"
        )
    try:
        files = write_published(place, options.out)
    except FileExistsError as problem:
        parser.error(str(problem))
    print(f"{shown(options.out)}: {len(files)} notebooks and the wheel they install")
    return 0


if __name__ == "__main__":
    sys.exit(main())
