"""Check notebooks from the command line."""

import argparse
import statistics
import sys

from tools.hygiene import BOOK_RULES, RULES, __doc__, problems
from tools.notebooks import code_cells, find, read, shown


def main() -> int:
    """Print what is wrong with the notebooks; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.hygiene",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", help="notebooks or folders of notebooks")
    try:
        book = {path: read(path) for path in find(parser.parse_args().paths)}
    except FileNotFoundError as problem:
        parser.error(str(problem))
    count = 0
    for path, notebook in book.items():
        found = [line for rule in RULES for line in problems(rule, path, notebook)]
        lengths = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
        median = statistics.median(lengths or [0])
        size = f"{len(lengths)} code cells, median {median:g} lines"
        print(f"{shown(path)}: {size}, {len(found)} problems", *found, sep="\n  ")
        count += len(found)
    found = [line for rule in BOOK_RULES for line in rule(book)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if count + len(found) else 0


if __name__ == "__main__":
    sys.exit(main())
