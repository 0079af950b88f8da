"""What the documents tell a reader to do can be done."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from markdown_it import MarkdownIt

from tests.house.miniature import ROOT
from tests.house.test_makefile import targets

DOCUMENTS = ["README.md", "CONTRIBUTING.md", *map(str, (ROOT / "book").glob("*.md"))]


def code(text):
    """Return everything a Markdown document shows as code, inline and in blocks."""
    tokens = MarkdownIt().enable("table").parse(text)
    tokens += [child for token in tokens for child in token.children or []]
    kinds = ("code_inline", "code_block", "fence")
    return "\n".join(token.content for token in tokens if token.type in kinds)


@pytest.mark.parametrize("name", [*DOCUMENTS, ".ci/run", ".github/workflows/tests.yml"])
def test_every_make_target_it_names_exists(name):
    text = (ROOT / name).read_text()
    shown = code(text) if name.endswith(".md") else text
    # A command begins a line or follows `run:`; its words are targets or NAME=value.
    commands = re.findall(r"^(?:.*\brun: |.*=\S+ )?make((?: [\w=./-]+)*)", shown, re.M)
    words = {word for command in commands for word in command.split()}
    assert {word for word in words if "=" not in word} <= targets()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_file_it_links_to_exists(name):
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)#\s]+)", text)
    here = [link for link in links if not re.match(r"\w+:", link)]
    assert here
    assert [link for link in here if not (ROOT / link).exists()] == []


def test_the_modules_that_the_readme_runs_exist():
    modules = re.findall(r"python -m (tools\.\w+)", (ROOT / "README.md").read_text())
    assert modules
    for module in modules:
        help = [sys.executable, "-m", module, "--help"]
        assert subprocess.run(help, cwd=ROOT, capture_output=True).returncode == 0


def test_ci_calls_the_command_of_the_readme():
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    script = (ROOT / ".ci" / "run").read_text()
    assert script.rstrip().splitlines()[-1] == "make test"
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"]).returncode == 0


def test_every_part_of_the_tests_is_explained_to_authors():
    explained = re.findall(
        r"^\| `make (test-\w+)`", (ROOT / "CONTRIBUTING.md").read_text(), re.M
    )
    assert set(explained) == {name for name in targets() if name.startswith("test-")}


def test_the_whole_licence_texts_are_here():
    assert "MIT License" in (ROOT / "LICENSE").read_text()
    text = (ROOT / "LICENSE-CC-BY-4.0.txt").read_text()
    assert text.startswith("Attribution 4.0 International")
    assert "Section 8 -- Interpretation." in text


def test_the_citation_has_what_the_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"]
