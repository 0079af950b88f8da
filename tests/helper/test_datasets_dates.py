"""Written dates: right, repeatable, and apart where they should be."""

import datetime

import numpy as np
import pytest

from threeways.datasets import dates

EXAMPLES = [
    ("2021-03-05", "March 5, 2021", "March 5, 2021"),
    ("2021-03-05", "5 Mar 2021", "5 Mar 2021"),
    ("2021-03-05", "Fri, 5 March 2021", "Fri, 5 March 2021"),
    ("2021-03-05", "2021年3月5日", "2021年3月5日"),
    ("2021-03-05", "二〇二一年三月五日", "二〇二一年三月五日"),
    ("2010-10-10", "二〇二一年三月五日", "二〇一〇年十月十日"),
    ("1999-12-31", "二〇二一年三月五日", "一九九九年十二月三十一日"),
    ("2000-11-20", "二〇二一年三月五日", "二〇〇〇年十一月二十日"),
]


@pytest.mark.parametrize("iso, style, expected", EXAMPLES)
def test_styles(iso, style, expected):
    assert dates.write(datetime.date.fromisoformat(iso), style) == expected


def test_each_style_is_named_by_itself():
    day = datetime.date(2021, 3, 5)
    assert [dates.write(day, style) for style in dates.STYLES] == list(dates.STYLES)


def test_unknown_style():
    with pytest.raises(ValueError, match="no style 'roman'; there are March 5, 2021"):
        dates.write(dates.FIRST, "roman")
    with pytest.raises(ValueError, match="no style 'roman'"):
        dates.generate(3, seed=0, styles=["roman"])


@pytest.mark.parametrize("held_out", [False, True])
def test_same_seed_same_strings(held_out):
    assert dates.generate(50, 1, held_out) == dates.generate(50, 1, held_out)
    assert dates.generate(50, 1, held_out) != dates.generate(50, 2, held_out)


def test_written_and_iso_name_the_same_day():
    written, iso = dates.generate(500, seed=3)
    assert len(written) == len(iso) == 500
    for text, day in zip(written, iso, strict=True):
        day = datetime.date.fromisoformat(day)
        assert text in [dates.write(day, style) for style in dates.STYLES]
        assert dates.FIRST <= day <= dates.LAST


def test_held_out_days_never_occur_in_training():
    training = set(dates.generate(40_000, seed=4)[1])
    held_out = set(dates.generate(40_000, seed=5, held_out=True)[1])
    assert training and held_out and not training & held_out
    days = (dates.LAST - dates.FIRST).days + 1
    assert len(held_out) == pytest.approx(dates.HELD_OUT * days, rel=0.01)


def test_all_styles_occur_or_those_asked_for():
    written, _ = dates.generate(300, seed=6)
    assert {text[-1] in "0123456789" for text in written} == {True, False}
    written, iso = dates.generate(20, seed=6, styles=["5 Mar 2021"])
    days = map(datetime.date.fromisoformat, iso)
    assert written == [dates.write(day, "5 Mar 2021") for day in days]


def test_encode_and_decode():
    written, iso = dates.generate(200, seed=7)
    ids = dates.encode(written, length=30)
    assert ids.shape == (200, 30) and ids.dtype == np.int32
    assert dates.decode(ids) == written
    assert dates.decode(dates.encode(iso)) == iso
    assert dates.encode(iso).shape == (200, 10)
    np.testing.assert_array_equal(
        ids == dates.PAD, [[k >= len(text) for k in range(30)] for text in written]
    )
    assert dates.decode([[dates.START, 3, dates.PAD]]) == ["0"]


def test_every_symbol_has_one_number():
    assert len(set(dates.VOCABULARY)) == len(dates.VOCABULARY)
    every = "".join(
        dates.write(dates.FIRST.replace(1987, month, day), style)
        for style in dates.STYLES
        for month in range(1, 13)
        for day in range(1, 29)
    )
    assert set(every) <= set(dates.VOCABULARY)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: dates.generate(0, 1), ValueError, "at least 1, got 0"),
        (lambda: dates.encode("5 Mar 2021"), TypeError, "a sequence of texts"),
        (lambda: dates.encode(["5.3.2021"]), ValueError, r"no number for '\.'"),
        (lambda: dates.encode(["_"]), ValueError, "no number for '_'"),
        (lambda: dates.encode(["2021"], 3), ValueError, "4 characters, more than 3"),
        (lambda: dates.decode([1, 2]), ValueError, r"shape \(n, length\), got int"),
        (lambda: dates.decode([[0.5]]), ValueError, "got float64"),
    ],
    ids=["none", "one text", "dot", "padding", "long", "flat", "float"],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
