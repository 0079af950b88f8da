"""The shards of the notebooks' tests: each test is in one, and they take as long."""

import re
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.house.miniature import ROOT
from tools.notebooks import chapter_name, find
from tools.shards import costs, deal
from tools.status import CPU, WHOLE

counts = st.integers(1, 9)
lengths = st.dictionaries(st.text(), st.floats(0.1, 1000), max_size=40)


def check(costs, count):
    """Assert what makes a good deal."""
    shards = deal(costs, count)
    assert len(shards) == count
    assert sorted(name for shard in shards for name in shard) == sorted(costs)
    loads = [sum(costs[name] for name in shard) for shard in shards]
    # Whoever takes longest had least to do before its last, shortest chapter.
    longest = max(range(count), key=loads.__getitem__)
    last = min((costs[name] for name in shards[longest]), default=0)
    assert loads[longest] - last <= min(loads) * (1 + 1e-9)


@given(lengths, counts)
def test_shards_hold_every_chapter_once_and_are_balanced(costs, count):
    check(costs, count)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_ours_are_balanced_within_a_fifth(count):
    chapters = costs(find())
    assert set(chapters) == {chapter_name(path) for path in find()}
    check(chapters, count)
    loads = [sum(map(chapters.get, shard)) for shard in deal(chapters, count)]
    assert max(loads) <= 1.2 * sum(loads) / count


def test_measured_times_count_where_there_are_any(tmp_path):
    first, second, third = find()[:3]
    file = tmp_path / "status.yml"
    sizes = costs([first, second], file)
    assert sizes[chapter_name(first)] == first.stat().st_size
    took = {chapter_name(first): 10, chapter_name(second): 30.0, "gone/away": 99}
    runs = {name: {WHOLE: {"seconds": time}} for name, time in took.items()}
    file.write_text(yaml.safe_dump({CPU: runs}))
    assert list(costs([first, second, third], file).values()) == [10, 30, 20]


def collect(*arguments):
    """Return which tests pytest would run."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p"]
    done = subprocess.run(
        [*command, "no:cacheprovider", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done, re.findall(r"^\S+::.+$", done.stdout, re.M)


@pytest.mark.parametrize("what", [["--nbval", "notebooks"], ["tests/editions"]])
def test_each_test_runs_in_one_shard(what):
    _, every = collect(*what)
    shards = [collect(*what, "--shard", f"{number}/3")[1] for number in (1, 2, 3)]
    assert len(every) > 50 and all(shards)
    assert sorted(sum(shards, [])) == sorted(every)
    # A chapter's tests, which share a kernel, stay together.
    chapters = [{re.split(r"::Cell|-", test)[0] for test in shard} for shard in shards]
    assert sum(map(len, chapters)) == len(set.union(*chapters))


@pytest.mark.parametrize("wrong", ["0/3", "4/3", "3", "a/b", "1/0"])
def test_a_shard_that_is_none_is_refused(wrong):
    done, _ = collect("tests/editions", "--shard", wrong)
    assert done.returncode == 4 and "should be like 2/4" in done.stderr + done.stdout
