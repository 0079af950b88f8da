"""Checks of the exercises of practice/beyond_one_machine."""

import numpy as np

from threeways.checking import require, require_answer, require_parts
from threeways.parity import to_numpy


def micro_batches(answer):
    """Count how many samples all workers together compute at once."""
    for case, expected in (
        ((1024, 8, 32), 4),
        ((256, 1, 64), 4),
        ((64, 2, 32), 1),
        ((64, 8, 32), 1),
    ):
        got = require_answer(answer(*case))
        batch, workers, fits = case
        require(
            got == expected,
            f"batch {batch}, {workers} workers, room for {fits}: expected {expected} "
            f"micro-batches and got {got}",
        )
        require(
            isinstance(got, int | np.integer),
            f"expected an integer, got {type(got).__name__}",
        )
    return "right: and if the batch is small, memory stays empty."


def loss_factors(answer):
    """The mean divides by p; each shard should count with its share of the samples."""
    for sizes in ((40, 24), (10, 10, 10), (1, 2, 5, 8)):
        got = to_numpy(require_answer(answer(sizes)))
        require(
            got.shape == (len(sizes),),
            f"expected {len(sizes)} factors, got shape {got.shape}",
        )
        expected = len(sizes) * np.array(sizes) / sum(sizes)
        hint = ""
        if np.allclose(got, expected / len(sizes)):
            hint = "; the plain mean divides by the number of workers once more"
        require(
            np.allclose(got, expected),
            f"shards of {sizes}: expected {expected.round(3)}, "
            f"got {got.round(3)}{hint}",
        )
    return "right: the factors are 1 where the shards are equal, and their mean is 1."


def enough(answer):
    """Solve (p - 1) / (m + p - 1) <= lost for m and round up, or count from 1."""
    for p, lost, expected in ((4, 0.25, 9), (8, 0.125, 49), (2, 0.5, 1), (1, 0.01, 1)):
        got = require_answer(answer(p, lost))
        require(
            got == expected,
            f"{p} stages, at most {lost:g} lost: expected {expected}, got {got}",
        )
    return "right: to lose at most a tenth, take nine for each stage but the first."


class _Piece(np.ndarray):
    """A worker's velocity, which may not be joined with those of others."""

    def __array_ufunc__(self, function, method, *inputs, **options):
        # What is computed from a piece is an ordinary array.
        plain = [np.asarray(x) if isinstance(x, _Piece) else x for x in inputs]
        return getattr(function, method)(*plain, **options)

    def __array_function__(self, function, types, args, kwargs):
        joining = ("concatenate", "stack", "hstack", "vstack", "column_stack")
        require(
            function.__name__ not in joining,
            f"np.{function.__name__} joins velocities; each belongs to one worker",
        )
        return super().__array_function__(function, types, args, kwargs)


def sharded_step(answer):
    """Piece by piece: v = beta * v + mean gradient; theta = theta - eta * v."""
    rng = np.random.default_rng(3)
    for p, N in ((2, 6), (3, 10), (4, 4)):
        theta, gradients = rng.normal(size=N), rng.normal(size=(p, N))
        velocity = rng.normal(size=N)
        pieces = [part.view(_Piece) for part in np.array_split(velocity, p)]
        got = require_parts(
            answer(theta.copy(), gradients, pieces, 0.5, 0.75),
            2,
            "the pair (weights, velocities)",
        )
        new = 0.75 * velocity + gradients.mean(axis=0)
        weights, parts = np.asarray(got[0]), [np.asarray(part) for part in got[1]]
        require(len(parts) == p, f"expected {p} velocities, got {len(parts)}")
        for k, (part, expected) in enumerate(
            zip(parts, np.array_split(new, p), strict=True)
        ):
            require(
                part.shape == expected.shape and np.allclose(part, expected),
                f"{p} workers: the velocity of worker {k} should be "
                f"{expected.round(3)}, got {part.round(3)}",
            )
        require(
            weights.shape == (N,) and np.allclose(weights, theta - 0.5 * new),
            f"{p} workers: the new weights are not those of one process",
        )
    return "right: each worker kept one part of the state, and nobody noticed."


CHECKS = {
    "micro_batches": micro_batches,
    "loss_factors": loss_factors,
    "enough": enough,
    "sharded_step": sharded_step,
}
