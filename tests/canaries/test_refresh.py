"""Refreshing stores what a run gives, in normal form, or leaves the notebook alone."""

import base64
import io

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, PngImagePlugin

from tools.normalise import normalise
from tools.notebooks import dumps, read
from tools.refresh import keep_pictures, main

MESSY = """\
import os, sys, warnings
warnings.warn("careful")
print("one", flush=True)
print("two", file=sys.stderr, flush=True)
print("three")"""
FAILS_IN_A_LIBRARY = """\
import json
json.loads("{")"""
DRAWS = """\
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.show()"""


def notebook_of(*sources):
    cells = [new_code_cell(source) for source in sources]
    return new_notebook(cells=[new_markdown_cell("## Code"), *cells])


def refreshed(path, notebook, *options):
    path.write_text(dumps(notebook), encoding="utf-8")
    return main([*options, str(path)])


def test_stores_what_came_out_and_changes_nothing_the_second_time(tmp_path):
    path = tmp_path / "a.ipynb"
    notebook = notebook_of(MESSY, DRAWS, "os.path.basename(os.getcwd())")
    raising = new_code_cell(FAILS_IN_A_LIBRARY, metadata={"tags": ["raises-exception"]})
    notebook.cells.append(raising)
    assert refreshed(path, notebook) == 0
    stored = read(path)
    messy, draws, folder, raises = stored.cells[1:]
    names = ["code", "code-2", "code-3", "code-4", "code-5"]
    assert [cell.id for cell in stored.cells] == names
    assert [output.text for output in messy.outputs] == ["one\nthree\n"]
    assert b"Software" not in base64.b64decode(draws.outputs[0].data["image/png"])
    assert folder.outputs[0].data["text/plain"] == repr(tmp_path.name)
    assert [cell.execution_count for cell in stored.cells[1:]] == [1, 2, 3, 4]
    (error,) = raises.outputs
    assert error.ename == "JSONDecodeError"
    assert "json.loads" in "".join(error.traceback)
    assert "decoder.py" not in "".join(error.traceback)
    before = path.read_bytes()
    assert main(["--check", str(path)]) == 0
    assert main([str(path)]) == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("first = 1\nraise KeyError('lost')", "KeyError: 'lost'"),
        ("import os; os._exit(1)", "the kernel died"),
    ],
)
def test_failing_cell_is_reported_and_nothing_stored(tmp_path, capsys, source, says):
    good, bad = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    good.write_text(dumps(notebook_of("1")), encoding="utf-8")
    notebook = notebook_of("'as it was'", source)
    notebook.cells[-1].id = "the-last"
    bad.write_text(dumps(notebook), encoding="utf-8")
    before = bad.read_bytes()
    assert main([str(tmp_path)]) == 1
    assert bad.read_bytes() == before
    assert f"{bad} [the-last]: {says}" in capsys.readouterr().err
    assert read(good).cells[1].outputs, "the other notebook is refreshed all the same"
    assert sorted(tmp_path.iterdir()) == [good, bad]


def test_slow_cell_is_reported(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tools.refresh.CELL_TIMEOUT", 2)
    assert (
        refreshed(tmp_path / "a.ipynb", notebook_of("import time; time.sleep(60)")) == 1
    )
    assert "ran longer than 2 s" in capsys.readouterr().err


def test_check_writes_nothing(tmp_path):
    path, notebook = tmp_path / "a.ipynb", notebook_of("1")
    assert refreshed(path, notebook, "--check") == 1
    assert path.read_text(encoding="utf-8") == dumps(notebook)


def test_missing_path_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "nowhere.ipynb")])
    assert "nowhere.ipynb: no such notebook" in capsys.readouterr().err


def test_normal_form_is_a_fixed_point():
    notebook = notebook_of("1", "2")
    for cell in notebook.cells:
        cell.id = "6f1d2c3b"
    notebook.cells[1].metadata = {"collapsed": True, "tags": ["keras", "keras"]}
    normal = normalise(notebook)
    assert normalise(normal) == normal
    assert [cell.id for cell in normal.cells] == ["code", "code-2", "code-3"]
    assert normal.cells[1].metadata == {"tags": ["keras"]}


def picture(pixels, **text):
    comments = PngImagePlugin.PngInfo()
    for key, value in text.items():
        comments.add_text(key, value)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=comments, compress_level=1)
    return base64.b64encode(file.getvalue()).decode()


def drawing(png):
    notebook = notebook_of("draw()")
    notebook.cells[1].id = "draws"
    notebook.cells[1].outputs = [new_output("display_data", {"image/png": png})]
    return notebook


def plot():
    """Return pixels (200, 300, 3) with an antialiased circle of two colours."""
    y, x = np.mgrid[-1:1:200j, -1.5:1.5:300j]
    inside = np.clip(80 * (0.7 - np.hypot(x, y)), 0, 1)[..., None]
    fill = np.where(x[..., None] < 0, [0, 114, 178], [213, 94, 0])
    return (inside * fill + (1 - inside) * [253, 253, 251]).astype(np.uint8)


def test_plot_is_stored_small_and_looks_the_same():
    pixels = plot()
    before = picture(pixels)
    after = normalise(drawing(before)).cells[1].outputs[0].data["image/png"]
    assert len(after) < len(before) / 2
    stored = Image.open(io.BytesIO(base64.b64decode(after)))
    assert stored.mode == "P"
    moved = np.abs(np.subtract(stored.convert("RGB"), pixels, dtype=int))
    assert moved.max() <= 16
    assert (stored.convert("RGB").getpixel((0, 0))) == (253, 253, 251)


@pytest.mark.parametrize("channels", [3, 4], ids=["photograph", "transparent"])
def test_other_pictures_keep_every_pixel(channels):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, channels), np.uint8)
    after = normalise(drawing(picture(noise))).cells[1].outputs[0].data["image/png"]
    assert np.array_equal(Image.open(io.BytesIO(base64.b64decode(after))), noise)


@pytest.mark.parametrize(("change", "kept"), [(0, True), (5, True), (60, False)])
def test_stored_picture_stays_unless_the_change_shows(change, kept):
    pixels = np.full((8, 8, 3), 100, np.uint8)
    moved = pixels.copy()
    moved[2, 3] += change
    old, new = drawing(picture(pixels)), drawing(picture(moved, Software="newer"))
    keep_pictures(new, old)
    png = new.cells[1].outputs[0].data["image/png"]
    assert (png == picture(pixels)) == kept


def test_picture_of_another_size_is_new():
    old, new = (drawing(picture(np.zeros((n, 8, 3), np.uint8))) for n in (8, 9))
    before = dumps(new)
    keep_pictures(new, old)
    assert dumps(new) == before
