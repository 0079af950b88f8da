"""Show what the notebooks print now and didn't print at an earlier commit.

    python -m tools.output_diff            # against HEAD: what is not committed yet
    python -m tools.output_diff v1.2       # against a tag, a branch, a commit

For review after an upgrade: outputs only, cell by cell, as text. Cells are told apart
by their ids. A picture that looks different is named, not shown. Markdown, for a pull
request.
"""

import argparse
import difflib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat.v4
from nbformat import NotebookNode

from tools.normalise import ANSI
from tools.notebooks import CHAPTERS, ROOT, code_cells, find, read


def printed(cell: NotebookNode) -> list[str]:
    """Return a cell's outputs as lines of text; a picture is a line of its own."""
    lines = []
    for output in cell.outputs:
        if output.output_type == "stream":
            lines += output.text.splitlines()
        elif output.output_type == "error":
            lines += ANSI.sub("", f"{output.ename}: {output.evalue}").splitlines()
        else:
            lines += output.data.get("text/plain", "").splitlines()
            if "image/png" in output.data:
                lines.append(f"[picture {hash(output.data['image/png']):x}]")
    return lines


def difference(before: NotebookNode, after: NotebookNode) -> Iterator[str]:
    """Iterate over the lines of a diff of two notebooks' outputs, empty if equal."""
    old = {cell.id: printed(cell) for cell in code_cells(before)}
    new = {cell.id: printed(cell) for cell in code_cells(after)}
    for name in [*new, *(name for name in old if name not in new)]:
        was, now = old.get(name, []), new.get(name, [])
        if was != now:
            yield f"@@ {name} @@"
            lines = difflib.unified_diff(was, now, lineterm="", n=1)
            for line in list(lines)[2:]:
                if line.startswith("@@"):
                    continue
                yield line[0] + "[another picture]" if "[picture " in line else line


def stored_at(commit: str, path: Path) -> NotebookNode | None:
    """Return a notebook as it was at a commit, or None if it wasn't there."""
    name = f"{commit}:{path.relative_to(ROOT).as_posix()}"
    command = ["git", "-C", str(ROOT), "show", name]
    shown = subprocess.run(command, capture_output=True, encoding="utf-8")
    return None if shown.returncode else nbformat.v4.reads(shown.stdout)


def main() -> int:
    """Print the differences; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.output_diff",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("commit", nargs="?", default="HEAD", help="default: HEAD")
    options = parser.parse_args()
    known = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet"]
    command = [*known, options.commit + "^{commit}"]
    if subprocess.run(command, capture_output=True).returncode:
        parser.error(f"git knows no commit {options.commit}")
    changed = 0
    for path in find():
        before = stored_at(options.commit, path)
        lines = list(difference(before, read(path))) if before else []
        if lines:
            changed += 1
            print(f"### {path.relative_to(CHAPTERS).with_suffix('').as_posix()}\n")
            print("```diff", *lines, "```", sep="\n", end="\n\n")
    print(f"{changed} of {len(find())} chapters print something else.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
