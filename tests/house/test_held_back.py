"""The weekly run names what keeps a framework from being the newest."""

from importlib import metadata

import pytest

from tools import held_back


class Package:
    """An installed package that requires others."""

    def __init__(self, name, version, *requires):
        self.name, self.version, self.requires = name, version, list(requires)


@pytest.fixture
def installed(monkeypatch):
    packages = [
        Package("one", "1.0", "numpy<2.5", "Torch>=2"),
        Package("two", "2.0", "numpy>=2.5; extra == 'new'", "numpy!=2.6"),
        Package("three", "3.0", "other"),
        Package("four", "4.0"),
    ]
    packages[3].requires = None  # as metadata has it when there are none
    monkeypatch.setattr(held_back.metadata, "distributions", lambda: packages)
    monkeypatch.setattr(held_back.metadata, "version", lambda name: "2.4")


def test_who_refuses_the_newest_is_named(installed):
    newest = {"numpy": "2.5", "torch": "2.14", "other": "9"}
    lines = held_back.report(["NumPy", "torch", "keras"], newest)
    assert lines == [
        "numpy 2.4 isn't 2.5: held back by one 1.0 (<2.5)",
        "torch 2.4 isn't 2.14: held back by nothing that is installed",
    ]


def test_all_who_refuse_it_are_named(installed):
    assert held_back.holders("numpy", "2.6") == ["one 1.0 (<2.5)", "two 2.0 (!=2.6)"]


def test_what_pip_says_is_read(monkeypatch, capsys):
    said = '[{"name": "Ruff", "version": "1", "latest_version": "999"}]'

    class Done:
        stdout = said

    monkeypatch.setattr(held_back.subprocess, "run", lambda *_, **__: Done)
    assert held_back.main(["ruff", "numpy"]) == 0
    expected = f"ruff {metadata.version('ruff')} isn't 999: held back by nothing"
    assert capsys.readouterr().out.startswith(expected)
