"""The fixture of these tests."""

import subprocess
import sys

import pytest

from tests.house.miniature import House


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A virtual environment with pip, to copy."""
    folder = tmp_path_factory.mktemp("template")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def house(tmp_path, template):
    """A house nobody has used yet. Its path has a space, as people's paths do."""
    return House(tmp_path / "a house", template)
