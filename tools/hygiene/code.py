"""Rules on the code: what it imports, what it reaches for, how long it is."""

import ast
import functools
import re
import statistics
import sys

from tools.hygiene.declared import LANGUAGES
from tools.hygiene.outputs import cell_outputs
from tools.notebooks import code_cells, tags

MAX_LINE, MAX_CELL, MAX_MEDIAN = 88, 40, 12

_SHARED = {*sys.stdlib_module_names, "numpy", "matplotlib", "sklearn", "threeways"}
ALLOWED = {
    None: _SHARED,
    "numpy": {"numpy"},
    "pytorch": {*_SHARED, "torch"},
    "tensorflow": {*_SHARED, "tensorflow"},
    "keras": {*_SHARED, "keras"},
    "parity": {*_SHARED, "torch", "tensorflow", "keras"},
}
"""The packages that a cell may import, by its tag, beside those declared."""

IMPORT_NAMES = {"pillow": "PIL"}
"""What packages are imported as, where that isn't their name."""

_PRIVATE = re.compile(r"(^|\.)_(?!_)|^keras\.src\b|^tensorflow\.python\b")
_NETWORK_MODULE = re.compile(
    r"(urllib\.request|http|socket|ssl|ftplib|webbrowser|xmlrpc)(\.|$)"
)
_NETWORK_CALL = re.compile(
    r"urlopen|urlretrieve|fetch_\w+|get_file|load_data|load_state_dict_from_url"
    r"|download\w*|\w+_download|from_pretrained"
)
_CLOCK = re.compile(
    r"(perf_counter|process_time|monotonic|thread_time|time)(_ns)?|timeit|now|today"
)
_PROGRAM_MODULE = re.compile(r"(subprocess|pty|pip)(\.|$)")
_PROGRAM_CALL = re.compile(r"system|popen|get_ipython|clear_output")


def plain_python(path, notebook):
    """Code cells are Python: no magics, no shell, nothing that nbval can't follow."""
    for cell in code_cells(notebook):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            magic = re.search(r"^\s*[%!?].*", cell.source, re.M)
            wrong = magic[0].strip() if magic else f"{error.msg} ({error.lineno})"
            yield cell, f"isn't Python: {wrong}. Write it in Python."
        for name in imports(cell.source):
            if _PROGRAM_MODULE.match(name):
                yield cell, f"imports {name}. Use threeways.processes."
        for name, _ in calls(cell.source):
            if _PROGRAM_CALL.fullmatch(name):
                yield cell, f"calls {name}. Do it in plain Python."


def imports_allowed(path, notebook):
    """A cell imports only what the readers of its edition have."""
    packages = notebook.metadata.get("threeways", {}).get("packages", [])
    declared = [IMPORT_NAMES.get(name, name) for name in packages]
    for cell in code_cells(notebook):
        language = next((name for name in LANGUAGES if name in tags(cell)), None)
        kind = f"a {language} cell" if language else "a cell without a framework tag"
        allowed = {*ALLOWED[language], *(declared if language != "numpy" else ())}
        used = list(imports(cell.source))
        for name in used:
            if name == "?":
                yield cell, "imports a module by a computed name. Write the name."
            elif name.partition(".")[0] not in allowed:
                yield cell, f"imports {name}, which {kind} may not. Move or tag it."
        if language == "tensorflow":
            words = ".".join([*used, *dotted_names(cell.source)]).split(".")
            if "keras" in words:
                yield cell, "uses Keras through TensorFlow. Show TensorFlow's core."


def public_interfaces(path, notebook):
    """Nobody learns a library's private parts from us."""
    modules = {
        alias.asname or alias.name.partition(".")[0]
        for cell in code_cells(notebook)
        for node in ast.walk(tree(cell.source))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    for cell in code_cells(notebook):
        names = [n for n in dotted_names(cell.source) if n.partition(".")[0] in modules]
        for name in [*imports(cell.source), *names]:
            if _PRIVATE.search(name):
                yield cell, f"uses {name}, which is private. Use the public interface."


def no_network(path, notebook):
    """Nothing is fetched: chapters run offline, pages load nothing from elsewhere."""
    for cell in code_cells(notebook):
        for name in imports(cell.source):
            if _NETWORK_MODULE.match(name):
                yield cell, f"imports {name}. Embed or generate the data."
        for name, call in calls(cell.source):
            if _NETWORK_CALL.fullmatch(name):
                yield cell, f"calls {name}. Embed or generate the data."
            values = [(None, value) for value in call.args]
            values += [(keyword.arg, keyword.value) for keyword in call.keywords]
            for keyword, node in values:
                value = node.value if isinstance(node, ast.Constant) else None
                if re.match(r"(https?|ftp)://(?!127\.0\.0\.1\b)", str(value)):
                    yield cell, f"calls {name} with {value}. Embed the data."
                if (keyword in ("download", "pretrained") and value is True) or (
                    keyword == "weights" and value == "imagenet"
                ):
                    yield cell, f"calls {name} with {keyword}={value!r}. Stay offline."
    for cell, output in cell_outputs(notebook):
        html = output.get("data", {}).get("text/html", "")
        if found := re.search(r"""\bsrc=["']?(https?:)?//[^"'\s>]+""", html):
            yield cell, f"loads {found[0]} in its output. Show it in another way."


def clocks_uncompared(path, notebook):
    """What a clock says, or decides, is never held against the next run."""
    for cell in code_cells(notebook):
        if cell.outputs and "nbval-ignore-output" not in tags(cell):
            for name in sorted({name for name, _ in calls(cell.source)}):
                if _CLOCK.fullmatch(name):
                    yield cell, f"calls {name} and prints. Tag it nbval-ignore-output."


def numpy_cells_pure(path, notebook):
    """A numpy cell defines functions and constants, so that tests can run it alone."""
    for cell in code_cells(notebook):
        body = tree(cell.source).body if "numpy" in tags(cell) else []
        for node in body:
            if isinstance(node, ast.FunctionDef):
                if not ast.get_docstring(node):
                    yield cell, f"defines {node.name} without a docstring. Add one."
            elif not isinstance(node, ast.Import | ast.ImportFrom) and not (
                isinstance(node, ast.Assign)
                and all(
                    isinstance(t, ast.Name) and t.id.isupper() for t in node.targets
                )
            ):
                line = ast.unparse(node).partition("\n")[0]
                yield cell, f"has {line!r}. Move what isn't a function elsewhere."


def short_code(path, notebook):
    """Code fits the page: short lines, short cells."""
    lengths = []
    for cell in code_cells(notebook):
        lines = cell.source.splitlines()
        lengths.append(len(lines))
        for number, line in enumerate(lines, start=1):
            if len(line) > MAX_LINE:
                yield cell, f"line {number} has {len(line)} characters. Break it."
        if len(lines) > MAX_CELL:
            yield cell, f"has {len(lines)} lines. Split it after {MAX_CELL} at most."
    if lengths and statistics.median(lengths) > MAX_MEDIAN:
        yield None, f"has cells of {statistics.median(lengths):g} lines. Split them."


@functools.cache
def tree(source):
    """Return the syntax tree of a cell, an empty one where it isn't Python."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def imports(source):
    """Iterate over the full names that a cell imports, ``?`` for a computed one."""
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)
    for name, call in calls(source):
        if name in ("import_module", "__import__"):
            named = call.args and isinstance(call.args[0], ast.Constant)
            yield call.args[0].value if named else "?"


def calls(source):
    """Iterate over the calls of a cell: the last word of what is called, the call."""
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node


def dotted_names(source):
    """Iterate over the dotted names of a cell, such as ``tf.nn.relu``."""
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if re.fullmatch(r"[\w.]+", name):
                yield name
