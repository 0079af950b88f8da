"""Neighbouring cells of the frameworks become tab groups."""

import pytest

from tools.groups import framework_groups

P, T, K, NONE = ["pytorch"], ["exercise", "tensorflow"], ["keras", "hide-input"], []


@pytest.mark.parametrize(
    ("cells", "groups"),
    [
        ([], []),
        ([NONE, ["numpy"], ["parity"]], []),
        ([P, T, K], [{"pytorch": [0], "tensorflow": [1], "keras": [2]}]),
        # Any order, several cells a tab.
        ([K, P, P, T], [{"keras": [0], "pytorch": [1, 2], "tensorflow": [3]}]),
        # Ended by any other cell, whatever stands on its two sides.
        ([NONE, P, NONE, P], [{"pytorch": [1]}, {"pytorch": [3]}]),
        ([P, ["numpy"], T], [{"pytorch": [0]}, {"tensorflow": [2]}]),
        # Ended by a framework that comes back.
        ([P, T, P, T], [{"pytorch": [0], "tensorflow": [1]}]
         + [{"pytorch": [2], "tensorflow": [3]}]),
        ([P, T, T, P], [{"pytorch": [0], "tensorflow": [1, 2]}, {"pytorch": [3]}]),
    ],
)  # fmt: skip
def test_groups(cells, groups):
    assert framework_groups(cells) == groups
    positions = [
        n for group in framework_groups(cells) for n in sum(group.values(), [])
    ]
    assert sorted(positions) == [n for n, cell in enumerate(cells) if cell in (P, T, K)]
