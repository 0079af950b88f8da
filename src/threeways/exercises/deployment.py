"""Checks of the exercises of practice/deployment."""

import io
import zipfile

import numpy as np

from threeways.checking import require, require_answer, require_parts
from threeways.parity import to_numpy


def bounds(answer):
    """Half a scale each; the symmetric scale spends its integers on both signs."""
    for x_max in (1.0, 6.0):
        got = require_parts(answer(x_max), 2, "the pair (affine, symmetric)")
        for name, value, expected in zip(
            ("affine", "symmetric"),
            got,
            (x_max / 255 / 2, x_max / 127 / 2),
            strict=True,
        ):
            value = float(to_numpy(value))
            require(
                abs(value - expected) < 1e-9,
                f"{name}, numbers from 0 to {x_max:g}: expected {expected:.5f}, half "
                f"of the scale, and got {value:.5f}",
            )
    return "right: the symmetric scheme wastes half of its integers, one bit of eight."


def calls(answer):
    """Count up until 1 - p**k is above one half."""
    for p, expected in ((0.5, 2), (0.9, 7), (0.99, 69), (0.999, 693)):
        got = require_answer(answer(p))
        require(
            got == expected,
            f"for p = {p}: expected {expected} calls and got {got}; "
            f"1 - p**k is {1 - p**expected:.3f} there",
        )
    return "right: with 69 calls, the slow hundredth is the usual case."


def load_weights(answer):
    """np.load(…, allow_pickle=False) also opens .npy, and hands texts back as bytes."""
    expected = {"W": (3, 2), "b": (2,)}
    good = {"W": np.ones((3, 2), np.float32), "b": np.zeros(2, np.float32)}
    got = require_answer(answer(_archive(good), expected))
    require(
        isinstance(got, dict) and set(got) == {"W", "b"},
        f"a good file: expected a dictionary with W and b, got {type(got).__name__}",
    )
    require(
        all(np.array_equal(got[name], good[name]) for name in good),
        "a good file: the arrays aren't those in the file",
    )
    ran = []
    _Trap.ran = ran
    trap = np.array([_Trap()], dtype=object)
    bad = {
        "a file with a pickled object": {**good, "b": trap},
        "a file without b": {"W": good["W"]},
        "a file with one array more": {**good, "c": good["b"]},
        "a file whose W has shape (2, 3)": {**good, "W": good["W"].T},
        "a file of float64": {**good, "b": np.zeros(2)},
        "a file with a NaN": {**good, "b": np.full(2, np.nan, np.float32)},
    }
    files = {what: _archive(arrays) for what, arrays in bad.items()} | _broken(good)
    for what, file in files.items():
        try:
            answer(file, expected)
        except ValueError:
            continue
        except Exception as error:
            require(False, f"{what} raised {type(error).__name__}; raise ValueError")
        finally:
            require(not ran, f"{what}: your loader ran what the file wanted to run")
        require(False, f"{what} was accepted; raise ValueError")
    return "right: ten bad files refused, and nothing of theirs was run."


def batches(answer):
    """Add to the last batch while it is open and not full, else begin a new one."""
    times = [0, 1, 2, 3, 10, 11, 30]
    for window, most, expected in (
        (2, 8, [[0, 1, 2], [3], [4, 5], [6]]),
        (5, 2, [[0, 1], [2, 3], [4, 5], [6]]),
        (0, 8, [[0], [1], [2], [3], [4], [5], [6]]),
        (100, 8, [[0, 1, 2, 3, 4, 5, 6]]),
        (100, 1, [[0], [1], [2], [3], [4], [5], [6]]),
    ):
        got = [list(group) for group in require_answer(answer(times, window, most))]
        require(
            got == expected,
            f"times {times}, window {window}, at most {most}: "
            f"expected {expected} and got {got}",
        )
    require(
        [list(group) for group in answer([], 1, 8)] == [],
        "without requests there are no batches: expected []",
    )
    return "right: a window of zero keeps nobody waiting, a long one fills the batches."


class _Trap:
    """An object whose pickle notes that it was loaded."""

    ran: list = []

    def __reduce__(self):
        return _Trap.note, ()

    @staticmethod
    def note():
        _Trap.ran.append(True)


def _archive(arrays):
    """An .npz file in memory, pickled objects included."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    return file


def _broken(arrays):
    """Open files that np.load doesn't take for an archive of arrays: a dictionary."""
    single, other = io.BytesIO(), io.BytesIO()
    np.save(single, arrays["b"])
    with zipfile.ZipFile(other, "w") as archive:
        for name in arrays:
            archive.writestr(name, "text")
    whole = _archive(arrays).getvalue()
    files = {
        "a file of one array, .npy": single,
        "an empty file": io.BytesIO(),
        "an .npz file that was cut off": io.BytesIO(whole[: len(whole) // 2]),
        "a zip of texts": other,
    }
    for file in files.values():
        file.seek(0)
    return files


CHECKS = {
    "bounds": bounds,
    "calls": calls,
    "load_weights": load_weights,
    "batches": batches,
}
