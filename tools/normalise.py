"""The one form in which a notebook is stored, whoever ran it and wherever.

Normalising is idempotent: a notebook in normal form stays as it is, byte for byte.
"""

import base64
import copy
import io
import re
from collections import Counter

from nbformat import NotebookNode, from_dict

from tools.notebooks import code_cells, tags

METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}

ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Of 255: how far a palette may move a channel, in its worst pixel and on average.
WORST, AVERAGE = 64, 0.1
_READABLE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}")
_HEADING = re.compile(r"(#+) +(.+)")


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of the notebook in normal form.

    What was run and what came out stay as they are. What tells of the machine, the
    editor or the day goes: stderr, timings, versions, frames of the libraries in
    tracebacks, comments in pictures, editors' metadata, random cell ids. Pictures are
    stored small.
    """
    notebook = copy.deepcopy(notebook)
    own = notebook.metadata.get("threeways")
    notebook.metadata = from_dict(METADATA | ({"threeways": own} if own else {}))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = _cell_metadata(cell)
        if not cell.get("attachments"):
            cell.pop("attachments", None)
    for cell in code_cells(notebook):
        cell.setdefault("execution_count", None)
        cell.outputs = _outputs(cell)
    _name_cells(notebook)
    return notebook


def renumber(notebook: NotebookNode) -> None:
    """Count the cells that ran from 1, in tracebacks too, as a fresh run would."""
    cells = [cell for cell in code_cells(notebook) if cell.execution_count is not None]
    numbers = {str(cell.execution_count): n for n, cell in enumerate(cells, start=1)}

    def recount(text):
        return re.sub(r"(?<=In\[)\d+", lambda n: str(numbers.get(n[0], n[0])), text)

    for number, cell in enumerate(cells, start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            elif output.output_type == "error":
                output.traceback = list(map(recount, output.traceback))


def _cell_metadata(cell):
    kept = {}
    if names := list(dict.fromkeys(tags(cell))):
        kept["tags"] = names
    if "solution" in names:
        kept["jupyter"] = {"source_hidden": True}
    if alt := cell.metadata.get("mystnb", {}).get("image", {}).get("alt"):
        kept["mystnb"] = {"image": {"alt": alt}}
    if missing := cell.metadata.get("threeways", {}).get("missing"):
        kept["threeways"] = {"missing": missing}
    return from_dict(kept)


def _outputs(cell):
    kept = []
    for output in cell.get("outputs", []):
        kind = output.output_type
        if kind == "stream" and output.name == "stderr":
            continue
        if kind == "stream" and kept and kept[-1].output_type == "stream":
            kept[-1].text += output.text
            continue
        if kind == "error":
            output.traceback = _own_frames(output.traceback)
        if "data" in output:
            output.metadata = _picture_size(output.metadata)
            if "image/png" in output.data:
                output.data["image/png"] = _small_png(output.data["image/png"])
        if kind == "execute_result":
            output.execution_count = cell.execution_count
        kept.append(output)
    return kept


def _own_frames(traceback):
    """Drop the frames of libraries: they name files of this machine."""
    return [
        part
        for part in traceback
        if not ANSI.sub("", part).lstrip().startswith("File ")
    ]


def _picture_size(metadata):
    """Keep of an output's metadata what a notebook needs to show a picture right."""
    known = ("width", "height", "needs_background")
    sizes = {
        kind: {key: value[key] for key in known if key in value}
        for kind, value in metadata.items()
        if kind.startswith("image/")
    }
    return from_dict({kind: size for kind, size in sizes.items() if size})


def _small_png(encoded):
    """Store a picture with a palette of 256 colours if that looks the same.

    A plot needs a third of the space then. One that has too many colours, a photograph
    say, or that is transparent, stays as it is, except for its comments.
    """
    # Building the pages imports this module, where neither is installed.
    import numpy as np
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
    if picture.mode == "P" or picture.convert("RGBA").getextrema()[3] != (255, 255):
        return _plain_png(encoded)
    full = picture.convert("RGB")
    small = full.quantize(256, kmeans=3, dither=Image.Dither.NONE)
    moved = np.abs(np.subtract(small.convert("RGB"), full, dtype=int))
    if moved.max() > WORST or moved.mean() > AVERAGE:
        return _plain_png(encoded)
    file = io.BytesIO()
    small.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _plain_png(encoded):
    """Drop the chunks of a PNG that hold no picture: versions, dates, comments."""
    data = base64.b64decode(encoded)
    plain, position = data[:8], 8
    while position < len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        if kind not in (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"):
            plain += data[position:end]
        position = end
    return base64.b64encode(plain).decode("ascii")


def _name_cells(notebook):
    """Give each cell a readable id; those that are readable and unique stay."""
    used = set()
    nameless = []
    for cell in notebook.cells:
        name = cell.get("id", "")
        if _READABLE.fullmatch(name) and not _RANDOM.fullmatch(name):
            if name not in used and len(name) <= 64:
                used.add(name)
                continue
        nameless.append(cell)
    section, positions = "introduction", Counter()
    for cell in notebook.cells:
        heading = cell.cell_type == "markdown" and _HEADING.match(cell.source)
        title = _slug(heading[2]) if heading else ""
        if heading and heading[1] == "##":
            section = title
        positions[section] += 1
        if any(cell is other for other in nameless):
            name = stem = title or f"{section}-{positions[section]}"
            again = 1
            while name in used:
                again += 1
                name = f"{stem}-{again}"
            used.add(name)
            cell.id = name


def _slug(text):
    words = re.findall(r"[a-z0-9]+", text.lower())
    slug = "-".join(words)[:40].rstrip("-")
    return slug if _READABLE.fullmatch(slug) else ""
