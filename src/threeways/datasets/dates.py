"""Dates as people write them, in English and Chinese, with their ISO form.

Nothing is stored or downloaded: the strings are spelled out from the calendar. The ISO
form is that of ISO 8601, ``2021-03-05``.
"""

import datetime

import numpy as np

FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)
HELD_OUT = 0.2  # share of the days that no training string ever shows

MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()
WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
CHINESE_DIGITS = "〇一二三四五六七八九"


def chinese_number(n):
    """Spell a number from 1 to 99 as Chinese dates do: 5 五, 10 十, 21 二十一."""
    tens, ones = divmod(n, 10)
    written = (CHINESE_DIGITS[tens] if tens > 1 else "") + ("十" if tens else "")
    return written + (CHINESE_DIGITS[ones] if ones else "")


STYLES = {
    "March 5, 2021": lambda d: f"{MONTHS[d.month - 1]} {d.day}, {d.year}",
    "5 Mar 2021": lambda d: f"{d.day} {MONTHS[d.month - 1][:3]} {d.year}",
    "Fri, 5 March 2021": lambda d: (
        f"{WEEKDAYS[d.weekday()]}, {d.day} {MONTHS[d.month - 1]} {d.year}"
    ),
    "2021年3月5日": lambda d: f"{d.year}年{d.month}月{d.day}日",
    "二〇二一年三月五日": lambda d: (
        "".join(CHINESE_DIGITS[int(digit)] for digit in str(d.year))
        + f"年{chinese_number(d.month)}月{chinese_number(d.day)}日"
    ),
}

PAD, START = 0, 1
# The place of a character is its number. The first two stand for padding and start.
VOCABULARY = "_^-0123456789 ," + "".join(
    sorted(set("".join(MONTHS + WEEKDAYS))) + list(CHINESE_DIGITS + "十年月日")
)
_NUMBER = {character: number for number, character in enumerate(VOCABULARY)}


def write(date, style):
    """Write a ``datetime.date`` in one of ``STYLES``."""
    if style not in STYLES:
        raise ValueError(f"no style {style!r}; there are {', '.join(STYLES)}")
    return STYLES[style](date)


def generate(n, seed, held_out=False, styles=None):
    """Draw ``n`` written dates, each with its ISO form.

    One day in five is held out, always the same ones: no day of a training string ever
    occurs in a held-out string, whatever the seeds.

    Parameters
    ----------
    n : int
        How many, at least 1.
    seed : int
        The same seed draws the same strings.
    held_out : bool
        Draw from the held-out days instead of the others.
    styles : sequence of str, optional
        Keys of ``STYLES`` to draw from; all by default.

    Returns
    -------
    written : list of str
        ``n`` dates in styles drawn at random.
    iso : list of str
        The same dates as ``YYYY-MM-DD``.

    Raises
    ------
    ValueError
        If ``n`` is below 1 or a style is unknown.
    """
    if n < 1:
        raise ValueError(f"expected n of at least 1, got {n}")
    styles = list(STYLES if styles is None else styles)
    days = np.random.default_rng(seed=0).permutation((LAST - FIRST).days + 1)
    border = int(HELD_OUT * len(days))
    days = days[:border] if held_out else days[border:]
    rng = np.random.default_rng(seed)
    drawn = [
        FIRST + datetime.timedelta(days=int(day)) for day in rng.choice(days, size=n)
    ]
    chosen = rng.integers(len(styles), size=n)
    written = [write(date, styles[k]) for date, k in zip(drawn, chosen, strict=True)]
    return written, [date.isoformat() for date in drawn]


def encode(texts, length=None):
    """Turn texts into numbers, padded at the end.

    Parameters
    ----------
    texts : sequence of str
        ``n`` texts of characters of ``VOCABULARY``.
    length : int, optional
        Columns of the result; by default the longest text's length.

    Returns
    -------
    numpy.ndarray
        int32, shape ``(n, length)``, ``PAD`` after the end of a text.

    Raises
    ------
    ValueError
        If a text is longer than ``length`` or holds a character of no number.
    """
    if isinstance(texts, str):
        raise TypeError(f"expected a sequence of texts, got one: {texts!r}")
    longest = max(map(len, texts), default=0)
    length = longest if length is None else length
    if longest > length:
        raise ValueError(f"a text has {longest} characters, more than {length}")
    ids = np.full((len(texts), length), PAD, dtype=np.int32)
    for row, text in zip(ids, texts, strict=True):
        unknown = sorted(set(text) - set(VOCABULARY[2:]))
        if unknown:
            raise ValueError(f"no number for {' '.join(unknown)!r} in {text!r}")
        row[: len(text)] = [_NUMBER[character] for character in text]
    return ids


def decode(ids):
    """Turn numbers ``(n, length)`` back into ``n`` texts, without padding and start."""
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"expected integers of shape (n, length), got {ids.dtype} of {ids.shape}"
        )
    return [
        "".join(VOCABULARY[number] for number in row if number not in (PAD, START))
        for row in ids
    ]
