"""Checks of the exercises of practice/data_pipelines."""

import numpy as np

from threeways.checking import require, require_answer
from threeways.parity import to_numpy


def workers_needed(answer):
    """W workers take load / W for a batch, on average."""
    for load, train, expected in ((12, 8, 2), (30, 10, 3), (5, 8, 1), (100, 8, 13)):
        got = float(to_numpy(require_answer(answer(load, train))))
        require(
            got == expected,
            f"to load takes {load} ms and to train {train}: expected {expected} "
            f"workers, got {got:g}",
        )
    return "right: load / W must not exceed the time of training."


def in_validation(answer):
    """Turn the name into a number that never changes, as with the pictures."""
    patients = [f"patient {number}" for number in range(2000)]
    sides = [require_answer(answer(patient)) for patient in patients]
    require(
        all(isinstance(side, (bool, np.bool_)) for side in sides),
        f"expected True or False, got {sides[0]!r}",
    )
    again = [answer(patient) for patient in reversed(patients)][::-1]
    require(
        sides == again,
        "asked again in another order, some patients have changed sides; the answer "
        "must depend on the name alone",
    )
    share = np.mean(sides)
    require(
        0.15 < share < 0.25,
        f"of 2000 patients {share:.0%} are in validation, and it should be about 20%",
    )
    patterns = [
        np.mean(sides[start::step]) for step in (5, 10) for start in range(step)
    ]
    require(
        0.05 < min(patterns) and max(patterns) < 0.4,
        "the sides follow the numbers at the end of the names; a patient's number may "
        "tell when or where they came, so use a hash of the whole name",
    )
    require(
        not _depends_on_this_process(answer, patients),
        "Python's hash() of a string differs from one run to the next; use hashlib",
    )
    return "right: each patient stays on one side, today and with new ones."


def stream_statistics(answer):
    """Merge the summaries of the chunks, in float64."""
    rng = np.random.default_rng(seed=0)
    sizes = (0, 7, 500, 1, 0, 64, 64)
    chunks = [(1e4 + step + rng.normal(size=n)).astype("float32")
              for step, n in enumerate(sizes)]  # fmt: skip
    everything = np.concatenate(chunks).astype("float64")
    got = to_numpy(require_answer(answer(iter(chunks)))).astype("float64")
    require(got.shape == (2,), f"expected two numbers, got shape {got.shape}")
    require(
        abs(got[0] - everything.mean()) < 1e-2,
        f"the mean should be {everything.mean():.3f}, got {got[0]:.3f}; chunks differ "
        "in length",
    )
    deviation = everything.std()
    require(
        abs(got[1] - everything.var()) > 1e-3,
        f"{got[1]:.3f} is the variance; its square root was asked for",
    )
    require(
        abs(got[1] - deviation) < 1e-4,
        f"the deviation should be {deviation:.3f}, got {got[1]:.3f}; chunks differ in "
        "their means too, and float32 squares of 10000 lose the digits that count",
    )
    return "right, for empty chunks and large offsets, too."


def epochs(answer):
    """Seed the tool that shuffles, once, and go through it three times."""
    runs = [_batches(answer, seed) for seed in (0, 0, 1)]
    for number, epoch in enumerate(runs[0]):
        sizes = [len(batch) for batch in epoch]
        require(
            sizes == [16] * 6 + [4],
            f"epoch {number} has batches of {sizes}; expected six of 16 and one of 4",
        )
        require(
            sorted(np.concatenate(epoch).tolist()) == list(range(100)),
            f"in epoch {number} not every number from 0 to 99 comes exactly once",
        )
    orders = [[np.concatenate(epoch).tolist() for epoch in run] for run in runs]
    require(orders[0][0] != list(range(100)), "the first epoch isn't shuffled")
    require(
        all(orders[0][a] != orders[0][b] for a, b in ((0, 1), (0, 2), (1, 2))),
        "two epochs have the same order",
    )
    first = {frozenset(batch.tolist()) for batch in runs[0][0]}
    second = {frozenset(batch.tolist()) for batch in runs[0][1]}
    require(
        len(first & second) < 3,
        "the batches change places, but keep their numbers; shuffle the numbers",
    )
    require(orders[0] == orders[1], "the same seed should give the same epochs again")
    require(orders[0] != orders[2], "another seed should give other epochs")
    return "right: all numbers once an epoch, freshly mixed, and repeatable."


def _batches(answer, seed):
    run = require_answer(answer(seed))
    require(len(run) == 3, f"expected 3 epochs, got {len(run)}")
    return [[to_numpy(batch).ravel() for batch in epoch] for epoch in run]


def _depends_on_this_process(answer, patients):
    """Whether the sides follow Python's own hash of the strings."""
    sides = np.array([bool(answer(patient)) for patient in patients])
    for modulus in (5, 10, 20, 100, 1000):
        values = np.array([hash(patient) % modulus for patient in patients])
        split = [set(values[sides].tolist()), set(values[~sides].tolist())]
        if not split[0] & split[1]:
            return True
    return False


CHECKS = {
    "workers_needed": workers_needed,
    "in_validation": in_validation,
    "stream_statistics": stream_statistics,
    "epochs": epochs,
}
