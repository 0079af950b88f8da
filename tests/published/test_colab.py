"""Published notebooks run where Colab runs them, and install nothing but the helper.

That place: an environment with the frameworks but without this repository, a working
directory of its own, and a module ``google.colab``. The wheel comes over HTTP, from the
address that the set-up cell names.
"""

import json
import os
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.serving import served
from tools.nbval import SWITCHES
from tools.notebooks import CHAPTERS, ROOT, dumps, read, write
from tools.publish import BRANCH, Place, write_published

# One that runs quickly, one that needs packages of its own.
PLAIN = CHAPTERS / "foundations" / "tensors.ipynb"
NEEDING = CHAPTERS / "practice" / "data_pipelines.ipynb"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Iterator[Path]:
    """What is published, in a folder that is served where the set-up cells say."""
    root = tmp_path_factory.mktemp("server")
    with served(root) as site:
        place = Place(
            f"{site.address}somebody/book", "https://somebody.github.io/book/"
        )
        folder = root / "somebody" / "book" / "raw" / BRANCH
        write_published(place, folder, [PLAIN, NEEDING])
        yield folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """The Python of an environment like Colab's."""
    tmp_path = tmp_path_factory.mktemp("colab")
    venv.create(tmp_path / "env", with_pip=True, symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "threeways" not in entry.name:
            (packages / entry.name).symlink_to(entry)
    stub = tmp_path / "stub" / "google" / "colab"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text('"""Where Colab keeps its own tools."""\n')
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin" / "tools").symlink_to(ROOT / "tools")
    where = [packages, tmp_path / "stub", tmp_path / "plugin"]
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "colab.pth").write_text("".join(f"{folder}\n" for folder in where))
    return python


@pytest.fixture
def colab(environment: Path) -> Path:
    """The same, before a notebook ran there."""
    command = [environment, "-m", "pip", "uninstall", "--quiet", "--yes"]
    command += ["threeways", "toy", "needstoy"]
    subprocess.run(command, capture_output=True, check=True)
    return environment


def installed(python: Path) -> dict[str, str]:
    """Return the versions of what is installed."""
    command = [python, "-m", "pip", "list", "--format=json"]
    said = subprocess.run(command, capture_output=True, check=True, text=True)
    return {entry["name"]: entry["version"] for entry in json.loads(said.stdout)}


def run(python: Path, notebook: Path) -> subprocess.CompletedProcess:
    """Run a notebook in an empty working directory, and compare its outputs."""
    place = python.parents[2] / "content"
    place.mkdir(exist_ok=True)
    there = place / notebook.name
    there.write_bytes(notebook.read_bytes())
    command = [python, "-m", "pytest", "--nbval", "-p", "tools.nbval", "-q"]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [*command, "--color=no", "-p", "no:cacheprovider", "--rootdir", place, there],
        cwd=place,
        env=environ | SWITCHES["one_thread"],
        capture_output=True,
        text=True,
    )


def test_the_place_is_like_colab(colab):
    code = "import google.colab, google.protobuf, torch; print(google.colab.__doc__)"
    subprocess.run([colab, "-c", code], check=True)


@pytest.mark.parametrize("folder", ["all", "tensorflow", "keras"])
def test_runs_as_in_colab(colab, files, folder):
    before = installed(colab)
    assert "threeways" not in before and "torch" in before
    done = run(colab, files / folder / "foundations" / "tensors.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    after = installed(colab)
    assert after.pop("threeways")
    assert after == before


def test_a_chapters_own_packages_move_nothing(colab, files):
    before = installed(colab)
    done = run(colab, files / "pytorch" / "practice" / "data_pipelines.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    after = installed(colab)
    assert after.pop("threeways")
    assert after == before


def write_wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """Write a wheel without any module: what pip reads of one."""
    about = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {one}" for one in requires]
    files = {
        "METADATA": "\n".join(lines) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: a test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(f"{about}/{file}", text)


@pytest.mark.parametrize("constraint", [True, False])
def test_a_package_that_asks_for_more_moves_nothing(
    colab, files, tmp_path, monkeypatch, constraint
):
    write_wheel(tmp_path, "toy", "1.0")
    write_wheel(tmp_path, "toy", "2.0")
    write_wheel(tmp_path, "needstoy", "1.0", "toy>=2")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    install = [colab, "-m", "pip", "install", "--quiet", "toy==1.0"]
    subprocess.run(install, check=True)
    notebook = read(files / "pytorch" / "practice" / "data_pipelines.ipynb")
    notebook.cells = notebook.cells[:1]
    cell = notebook.cells[0]
    cell.source += " needstoy"
    if not constraint:
        cell.source = cell.source.replace('--constraint "{installed}"', "")
    write(tmp_path / "set_up.ipynb", dumps(notebook))
    done = run(colab, tmp_path / "set_up.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    after = installed(colab)
    assert after["toy"] == ("1.0" if constraint else "2.0")
    assert ("needstoy" in after) != constraint  # pip says why, and installs nothing
    assert "threeways" in after


def test_an_older_helper_of_the_same_version_is_replaced(colab, files, tmp_path):
    (new,) = files.glob("threeways-*.whl")
    write_wheel(tmp_path, "threeways", new.name.split("-")[1])
    (old,) = tmp_path.glob("threeways-*.whl")
    install = [colab, "-m", "pip", "install", "--quiet", "--no-deps", old]
    subprocess.run(install, check=True)
    done = run(colab, files / "pytorch" / "foundations" / "tensors.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_its_set_up_cell_it_fails(colab, files):
    path = files / "pytorch" / "foundations" / "tensors.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["cells"].pop(0)["id"] == "set-up"
    bare = path.with_name("bare.ipynb")
    bare.write_text(json.dumps(notebook), encoding="utf-8")
    done = run(colab, bare)
    assert "No module named 'threeways'" in done.stdout
