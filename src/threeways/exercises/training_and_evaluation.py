"""Checks of the exercises of practice/training_and_evaluation."""

import json
import tracemalloc

import numpy as np

from threeways.checking import require, require_answer, require_result
from threeways.parity import to_numpy


def f_beta(answer):
    """Put P and R of the counts into the definition, and simplify."""
    for tp, fp, fn, beta in [
        (2, 0, 8, 1.0),
        (2, 0, 8, 2.0),
        (30, 10, 5, 2.0),
        (30, 10, 5, 0.5),
        (0, 3, 4, 2.0),
        (0, 0, 0, 1.0),
    ]:
        bottom = (1 + beta**2) * tp + beta**2 * fn + fp
        expected = (1 + beta**2) * tp / bottom if bottom else 0.0
        got = float(to_numpy(require_answer(answer(tp, fp, fn, beta))))
        swapped = (1 + beta**2) * tp / max(bottom + (beta**2 - 1) * (fp - fn), 1)
        hint = "; misses and false alarms are swapped" if got == swapped else ""
        require(
            abs(got - expected) < 1e-12,
            f"for TP = {tp}, FP = {fp}, FN = {fn}, beta = {beta:g}, "
            f"expected {expected:.4f} and got {got:.4f}{hint}",
        )
    return "right: with beta above 1 a miss weighs more than a false alarm."


def seeds_needed(answer):
    """Solve 2 * s / sqrt(m) < gap for m, with the standard deviation of a sample."""
    for d, gap in [
        ([0.0, 2.0], 1.0),
        ([1.0, 2.0, 3.0], 0.5),
        ([0.3, -0.1, 0.4, 0.2, 0.0], 0.05),
        ([1.0, 1.1], 5.0),
    ]:
        d = np.array(d)
        expected = int(np.floor((2 * d.std(ddof=1) / gap) ** 2 + 1e-9)) + 1
        got = require_answer(answer(d, gap))
        biased = int(np.floor((2 * d.std() / gap) ** 2 + 1e-9)) + 1
        hint = "; divide by one less than their number in s" if got == biased else ""
        require(
            int(got) == got == expected,
            f"for d = {d} and gap = {gap:g}, expected {expected} and got {got}{hint}",
        )
    return "right: half the gap takes four times the seeds."


def fast_auc(answer):
    """Ranks by np.unique with counts; tied scores share the mean of their ranks."""
    rng = np.random.default_rng(seed=0)
    for n, digits in [(6, 0), (50, 1), (300, 8)]:
        y = np.arange(n) % 3 == 0
        s = np.round(rng.normal(size=n) + y, digits)
        won = np.heaviside(s[y][:, None] - s[~y], 0.5)
        got = float(to_numpy(require_answer(answer(y.astype(int), s))))
        require(
            abs(got - won.mean()) < 1e-9,
            f"for {n} scores of which {n - len(np.unique(s))} are repeated, "
            f"expected {won.mean():.4f} and got {got:.4f}",
        )
    n = 4000
    y, s = np.arange(n) % 2, rng.normal(size=n)
    tracemalloc.start()
    try:
        answer(y, s)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    require(
        peak < 200 * n,
        f"right numbers, but {n} samples took {peak / 1e6:.1f} MB of memory; "
        "do without a table of all pairs",
    )
    return "right: sorting replaces the table of pairs."


def resume(answer):
    """Four things change in a step: theta, velocity, t, and the generator's state."""
    answer = require_result(answer)
    require(
        isinstance(answer, tuple) and len(answer) == 3,
        "expected the triple (Trainer, save, load)",
    )
    trainer_class, save, load = answer
    for steps in (7, 20):
        trainer = trainer_class(0)
        for _ in range(steps):
            trainer.step()
        state = require_answer(save(trainer))
        kept = json.dumps(state)  # as if it went into a file
        path = []
        for _ in range(10):
            trainer.step()
            path.append(trainer.theta.copy())
        fresh = trainer_class(99)
        load(fresh, json.loads(kept))
        for number, theta in enumerate(path, start=1):
            fresh.step()
            require(
                np.array_equal(to_numpy(fresh.theta), theta),
                f"saved after {steps} steps, the resumed trainer leaves the path in "
                f"step {number} after the restart; something of its state is missing",
            )
    return "right: ten steps further, still the same to the last bit."


CHECKS = {
    "f_beta": f_beta,
    "seeds_needed": seeds_needed,
    "fast_auc": fast_auc,
    "resume": resume,
}
