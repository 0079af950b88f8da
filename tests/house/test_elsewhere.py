"""Binder and the dev container start the environment that `make` makes here."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.house.miniature import ROOT
from tests.house.test_makefile import targets
from tools.environment import NEWEST_FULL, OLDEST
from tools.groups import FRAMEWORKS
from tools.notebooks import chapter_name, find

BINDER = ROOT / "binder"
CPU_ONLY = "https://download.pytorch.org/whl/cpu"


def container():
    """Read the dev container's file, which is JSON with comments."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    return json.loads(re.sub(r"(^|\s)//.*", "", text))


def is_supported(version):
    """Whether the full environment can be made with this Python."""
    return OLDEST <= tuple(map(int, version.split("."))) <= NEWEST_FULL


def test_the_dev_container_makes_our_environment():
    settings = container()
    version = re.fullmatch(r"\S+/devcontainers/python:(3\.\d+)-\w+", settings["image"])
    assert is_supported(version[1])
    assert settings["postCreateCommand"] == "make env-full"
    assert settings["containerEnv"] == {"PIP_EXTRA_INDEX_URL": CPU_ONLY}
    assert "lab" in targets()
    python = settings["customizations"]["vscode"]["settings"]
    assert python["python.defaultInterpreterPath"].endswith("/.venv/bin/python")


def test_binder_installs_our_requirements_and_nothing_else():
    kind, version = (BINDER / "runtime.txt").read_text().strip().split("-")
    assert kind == "python" and is_supported(version)
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    options = [line for line in lines if line and not line.startswith("#")]
    assert options == [f"--extra-index-url {CPU_ONLY}", "-r ../requirements.txt"]
    assert (BINDER / "../requirements.txt").exists()


def test_binder_and_the_dev_container_have_one_python():
    version = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f":{version}-" in container()["image"]


@pytest.fixture
def clone(tmp_path):
    """A clean clone of what is committed."""
    subprocess.run(["git", "clone", "-q", ROOT, tmp_path / "clone"], check=True)
    return tmp_path / "clone"


def test_binder_finds_the_editions_in_a_clean_clone(clone):
    script = clone / "binder" / "postBuild"
    assert os.access(script, os.X_OK)
    bin = clone / "bin"
    bin.mkdir()
    (bin / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (bin / "python").chmod(0o755)
    path = f"{bin}:{os.environ['PATH']}"
    subprocess.run([script], cwd=clone, env=os.environ | {"PATH": path}, check=True)
    editions = {folder.name for folder in (clone / "editions").iterdir()}
    assert editions == set(FRAMEWORKS)
    names = {chapter_name(path) for path in find()}
    files = (clone / "editions" / "pytorch").rglob("*.ipynb")
    written = {f"{file.parent.name}/{file.stem}" for file in files}
    assert written and written <= names
