"""What the tools on notebooks share: finding, reading and writing them."""

import importlib.util
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat.v4
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ROOT / "notebooks"
SECTIONS = (
    "Background",
    "Concepts",
    "Formulas",
    "Code",
    "FAQ",
    "Exercises",
    "Further reading",
)


def find(paths: Iterable[str | Path] = ()) -> list[Path]:
    """Return the notebooks at or under the given paths, all chapters by default.

    Raises
    ------
    FileNotFoundError
        If a path doesn't exist, or isn't a notebook or a folder.
    """
    found = set()
    for path in map(Path, paths or [CHAPTERS]):
        if path.suffix == ".ipynb" and path.is_file():
            found.add(path.resolve())
        elif path.is_dir():
            found.update(
                notebook.resolve()
                for notebook in path.rglob("*.ipynb")
                if ".ipynb_checkpoints" not in notebook.parts
            )
        else:
            raise FileNotFoundError(f"{path}: no such notebook or folder")
    return sorted(found)


def shown(path: Path) -> str:
    """Return a path as messages show it: from the repository's root if it is inside."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def chapter_name(path: Path) -> str:
    """Return a chapter's name: its path below ``notebooks/``, without the suffix."""
    _, below, name = path.with_suffix("").as_posix().rpartition("/notebooks/")
    return name if below else path.stem


def read(path: Path) -> NotebookNode:
    """Read a notebook as it is stored: nothing is repaired or filled in."""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


def dumps(notebook: NotebookNode) -> str:
    """Return the text of a notebook file: sorted keys, an indent of one, a newline."""
    return nbformat.v4.writes(notebook) + "\n"


def write(path: Path, text: str) -> None:
    """Write a file in one step, so that no one ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return cell.metadata.get("tags", [])


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Iterate over the code cells of a notebook."""
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def kernel_settings(folder: str | Path) -> dict[str, str]:
    """Return environment variables that keep a person's own settings out of a kernel.

    Start-up files of IPython, the settings of Keras (both looked for in ``folder``,
    which is empty) and those of Matplotlib would change what the notebooks store.
    Kernels run side by side: threads that wait must not spin (see ``tools/nbval.py``).
    """
    matplotlib = Path(importlib.util.find_spec("matplotlib").origin).parent
    return {
        "IPYTHONDIR": str(folder),
        "KERAS_HOME": str(folder),
        "OMP_WAIT_POLICY": "PASSIVE",
        "MATPLOTLIBRC": str(matplotlib / "mpl-data" / "matplotlibrc"),
    }
