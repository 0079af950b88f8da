"""Run notebooks from a fresh kernel and store what came out, in normal form.

    python -m tools.refresh                              # every chapter
    python -m tools.refresh notebooks/foundations/tensors.ipynb

A notebook with a cell that raises, and isn't tagged ``raises-exception``, is reported
and left as it was. Refreshing twice changes nothing the second time.
"""

import argparse
import asyncio
import base64
import copy
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import ipykernel.kernelspec
import numpy as np
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode
from PIL import Image

from tools.normalise import ANSI, normalise
from tools.notebooks import (
    code_cells,
    dumps,
    find,
    kernel_settings,
    read,
    shown,
    write,
)

CELL_TIMEOUT = 600  # seconds
INVISIBLE = 8  # of 255: how much a channel of a pixel may move unseen


class FailedCellError(Exception):
    """A cell raised, ran too long or took its kernel down."""


class _ThisPython(KernelSpecManager):
    """Knows one kernel: the environment that runs this tool, whatever else exists."""

    def get_kernel_spec(self, kernel_name):
        return KernelSpec(**ipykernel.kernelspec.get_kernel_dict())


async def execute(path: Path, settings: dict[str, str]) -> NotebookNode:
    """Return the notebook as a fresh kernel in the notebook's folder runs it.

    Raises
    ------
    FailedCellError
        With the id of the cell and the error.
    """
    notebook = copy.deepcopy(read(path))
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    running = None

    def remember(cell, cell_index):
        nonlocal running
        running = cell

    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=_ThisPython()),
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        store_widget_state=False,
        on_cell_start=remember,
    )
    try:
        await client.async_execute(env=os.environ | settings, cleanup_kc=True)
    except CellExecutionError as error:
        trace = normalise(notebook).cells[notebook.cells.index(running)].outputs[-1]
        raise FailedCellError(
            f"[{running.get('id')}]: {error.ename}: {error.evalue}\n"
            + "\n".join(trace.traceback)
        ) from None
    except CellTimeoutError:
        message = f"[{running.get('id')}]: ran longer than {CELL_TIMEOUT} s"
        raise FailedCellError(message) from None
    except DeadKernelError:
        message = f"[{running.get('id')}]: the kernel died"
        raise FailedCellError(message) from None
    return notebook


def keep_pictures(new: NotebookNode, old: NotebookNode) -> None:
    """Keep the stored picture wherever the new one looks the same.

    The bytes of a PNG depend on the version of zlib, and a few pixels on the CPU; no
    reader sees either, but every reader of a diff would.
    """
    before = {cell.id: _pictures(cell) for cell in code_cells(old)}
    for cell in code_cells(new):
        pairs = zip(_pictures(cell), before.get(cell.id, []), strict=False)
        for drawn, stored in pairs:
            if _look_alike(drawn["image/png"], stored["image/png"]):
                drawn["image/png"] = stored["image/png"]


def _pictures(cell):
    data = [output.get("data", {}) for output in cell.outputs]
    return [bundle for bundle in data if "image/png" in bundle]


def _look_alike(*encoded):
    first, second = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"), int)
        for png in encoded
    )
    return first.shape == second.shape and np.abs(first - second).max() <= INVISIBLE


async def refresh(path: Path, settings: dict[str, str] | None) -> str:
    """Return the text that the notebook should have; run it unless settings is None."""
    stored = normalise(read(path))
    if settings is None:
        return dumps(stored)
    fresh = normalise(await execute(path, settings))
    keep_pictures(fresh, stored)
    return dumps(fresh)


async def refresh_all(
    paths: Iterable[Path], *, run: bool = True, check: bool = False, jobs: int = 1
) -> bool:
    """Refresh several notebooks at once, report on each; return whether all is well."""
    slots = asyncio.Semaphore(jobs)

    async def one(path, settings):
        async with slots:
            start = time.perf_counter()
            try:
                text = await refresh(path, settings)
            except FailedCellError as problem:
                report = f"{shown(path)} {problem}"
                if not sys.stderr.isatty():
                    report = ANSI.sub("", report)
                print(report, file=sys.stderr, flush=True)
                return False
            changed = text != path.read_text(encoding="utf-8")
            if changed and not check:
                write(path, text)
            news = ("would change" if check else "changed") if changed else "unchanged"
            seconds = time.perf_counter() - start
            print(f"{shown(path)}: {news} ({seconds:.1f} s)", flush=True)
            return not (changed and check)

    with tempfile.TemporaryDirectory() as folder:
        settings = kernel_settings(folder) if run else None
        return all(await asyncio.gather(*(one(path, settings) for path in paths)))


def main(arguments: list[str] | None = None) -> int:
    """Refresh notebooks from the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.refresh",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", help="notebooks or folders of notebooks")
    parser.add_argument(
        "-j", "--jobs", type=int, default=min(os.cpu_count() or 1, 8),
        help="notebooks at a time (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--no-execute", action="store_true", help="normalise only, run nothing"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if it would change"
    )
    options = parser.parse_args(arguments)
    try:
        paths = find(options.paths)
    except FileNotFoundError as problem:
        parser.error(str(problem))
    run = not options.no_execute
    well = asyncio.run(
        refresh_all(paths, run=run, check=options.check, jobs=options.jobs)
    )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
