"""Take the formulas out of a chapter: no second copy of them exists anywhere."""

import ast
import types

import record

from tools.notebooks import CHAPTERS, code_cells, read, tags


def source(chapter):
    """Return the source of a chapter's `numpy` cells, one after the other."""
    notebook = read(CHAPTERS / f"{chapter}.ipynb")
    return "\n\n".join(c.source for c in code_cells(notebook) if "numpy" in tags(c))


def load(chapter):
    """Return a module of the functions that a chapter defines in its `numpy` cells."""
    module = types.ModuleType(chapter.replace("/", "."))
    redefine(module, ast.parse(source(chapter)))
    record.listen(module)
    return module


def redefine(module, tree):
    """Run the code of ``tree`` in place of what ``module`` held."""
    exec(compile(tree, f"<{module.__name__}>", "exec"), vars(module))
