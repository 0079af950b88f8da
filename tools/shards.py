"""Run one share of the notebooks' tests: a pytest plugin, which ``conftest.py`` loads.

    python -m pytest --nbval notebooks --shard 2/4
    PYTEST_ADDOPTS="--shard 2/4" make test-editions

All tests of a chapter are in one shard: those of nbval, of the editions and of other
CPUs. Tests that belong to no chapter are in the first. The shards of all runs together
hold every test once, and take about the same time: the chapters are dealt out, longest
first, to the shard that has least to do.
"""

import heapq
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tools import status
from tools.notebooks import chapter_name, find


def costs(paths: Iterable[Path], file: Path = status.FILE) -> dict[str, float]:
    """Return what running each chapter costs: seconds where they were measured.

    A chapter that has not been measured yet counts as the average one. Before any has
    been, the size of the file stands in for its time.
    """
    chapters = {chapter_name(path): path for path in paths}
    known = status.seconds(file)
    measured = {name: known[name] for name in chapters if name in known}
    if not measured:
        return {name: float(path.stat().st_size) for name, path in chapters.items()}
    average = sum(measured.values()) / len(measured)
    return {name: measured.get(name, average) for name in chapters}


def deal(costs: Mapping[str, float], count: int) -> list[set[str]]:
    """Deal chapters out to ``count`` shards, the longest first."""
    shards = [set() for _ in range(count)]
    loads = [(0.0, number) for number in range(count)]
    for name in sorted(costs, key=lambda name: (-costs[name], name)):
        load, number = heapq.heappop(loads)
        shards[number].add(name)
        heapq.heappush(loads, (load + costs[name], number))
    return shards


def pytest_addoption(parser):
    """Offer ``--shard``."""
    parser.addoption(
        "--shard",
        metavar="K/N",
        help="run the K-th of N shards of the notebooks' tests",
    )


def pytest_collection_modifyitems(config, items):
    """Deselect what is in other shards."""
    asked = config.getoption("--shard")
    if asked is None:
        return
    numbers = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", asked)
    if not numbers or int(numbers[1]) > int(numbers[2]):
        raise pytest.UsageError(f"--shard {asked}: should be like 2/4")
    shards = deal(costs(find()), int(numbers[2]))
    mine, every = shards[int(numbers[1]) - 1], set().union(*shards)
    chosen, deselected = [], []
    for item in items:
        chapter = _chapter(item)
        here = chapter in mine if chapter in every else mine is shards[0]
        (chosen if here else deselected).append(item)
    config.hook.pytest_deselected(items=deselected)
    items[:] = chosen


def _chapter(item):
    """Return the chapter that a test is about: nbval's file, or its argument `path`."""
    path = item.path
    if hasattr(item, "callspec"):
        path = item.callspec.params.get("path", path)
    return chapter_name(path) if path.suffix == ".ipynb" else None
