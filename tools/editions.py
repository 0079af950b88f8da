"""Write every chapter as notebooks for one framework each.

    python -m tools.editions                 # into _build/editions/<framework>/
    python -m tools.editions --out DIR notebooks/foundations/tensors.ipynb

An edition drops the cells of the other frameworks and those that need several. What it
keeps stays as it is, outputs included, and is counted anew from 1.
"""

import argparse
import copy
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from nbformat import NotebookNode

from tools.groups import FRAMEWORKS, in_edition
from tools.normalise import renumber
from tools.notebooks import (
    ROOT,
    chapter_name,
    dumps,
    find,
    read,
    shown,
    tags,
    write,
)

OUT = ROOT / "_build" / "editions"

# A fragment may hold brackets, in pairs: `#Normalize((0.5,),-(0.5,))`.
_PAIRS = r"[^()\s]|\((?:[^()\s]|\([^()\s]*\))*\)"
_LINK = re.compile(rf"(?<=\]\()([^)\s#:]+)(#(?:{_PAIRS})+)?(?=\))")


def edition(notebook: NotebookNode, framework: str) -> NotebookNode:
    """Return the edition of a chapter for one framework."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        cell for cell in notebook.cells if in_edition(tags(cell), framework)
    ]
    notebook.metadata.threeways.frameworks = [framework]
    renumber(notebook)
    return notebook


def write_editions(paths: Iterable[Path], out: Path = OUT) -> dict[str, list[Path]]:
    """Write the editions of chapters; return their files, framework by framework.

    A chapter that leaves out a framework has no edition for it. Links to other chapters
    lead to their editions, all other links to where they led before.
    """
    written = {}
    for framework in FRAMEWORKS:
        chapters = {path: read(path) for path in paths}
        places = {
            path: out.resolve() / framework / f"{chapter_name(path)}.ipynb"
            for path, notebook in chapters.items()
            if framework in notebook.metadata.threeways.frameworks
        }
        for path, place in places.items():
            notebook = edition(chapters[path], framework)

            def moved(file, fragment, folder=place.parent, places=places):
                where = os.path.relpath(places.get(file, file), folder)
                return Path(where).as_posix() + fragment

            relink(notebook, path, moved)
            write(place, dumps(notebook))
        written[framework] = list(places.values())
    return written


def relink(
    notebook: NotebookNode, path: Path, address: Callable[[Path, str], str]
) -> None:
    """Change where a notebook's links to files lead, as seen from its ``path``.

    ``address`` gets the file and the link's fragment, with its ``#`` or empty.
    """

    def moved(link):
        file = (path.parent / link[1]).resolve()
        if not file.is_file():  # code such as `layers[0](x)` looks like a link
            return link[0]
        return address(file, link[2] or "")

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK.sub(moved, cell.source)


def main() -> int:
    """Write editions from the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.editions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=OUT, help="where to write them")
    parser.add_argument("paths", nargs="*", help="notebooks or folders of notebooks")
    options = parser.parse_args()
    try:
        paths = find(options.paths)
    except FileNotFoundError as problem:
        parser.error(str(problem))
    for framework, files in write_editions(paths, options.out).items():
        print(f"{shown(options.out / framework)}: {len(files)} notebooks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
