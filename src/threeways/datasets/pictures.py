"""Labelled colour pictures of 32 × 32 pixels: generated ones, or the real CIFAR-10.

:func:`load` is the one switch between the two. The generated pictures have CIFAR's
format, need no network, and are hard enough that better networks do better: a thing of
one of ten classes lies somewhere on a cluttered ground, in any colour, turned a little,
and partly covered now and then.

CIFAR-10: Krizhevsky (2009), "Learning multiple layers of features from tiny images",
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import os
import pickle
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

SIZE = 32
CLASSES = (
    "disc", "ring", "square", "triangle", "star",
    "cross", "heart", "moon", "stripes", "checks",
)  # fmt: skip
CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
TRAIN_FILES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_FILE = "test_batch"


class Pictures(NamedTuple):
    """Pictures to learn from and pictures to judge with.

    Attributes
    ----------
    x_train, x_test : numpy.ndarray of uint8, shape (n, 32, 32, 3)
        Rows, columns, then red, green and blue from 0 to 255.
    y_train, y_test : numpy.ndarray of int64, shape (n,)
        The number of the class, from 0 to 9.
    names : tuple of str
        The names of the ten classes.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    names: tuple


class BrokenFileError(ValueError):
    """A file of CIFAR-10 is missing, cut off or not what it should be."""


def load(source="generated", train=2000, test=2000, folder=None, seed=0):
    """Load pictures: the switch between generated and real ones.

    Parameters
    ----------
    source : {"generated", "cifar10"}
        Generated here, or the real CIFAR-10: from ``folder`` where that is given,
        otherwise through ``keras.datasets``, which downloads 170 MB the first time.
    train, test : int
        How many of each. Real ones are drawn from all with ``seed``; CIFAR-10 has
        50000 and 10000.
    folder : str or Path, optional
        A folder with the files ``data_batch_1`` to ``data_batch_5`` and ``test_batch``
        of the real CIFAR-10. No framework is needed to read it, and nothing in it is
        changed.
    seed : int
        The same seed gives the same pictures.

    Returns
    -------
    Pictures

    Raises
    ------
    ValueError
        For an unknown source, a folder for the generated pictures, or sizes that can't
        be had.
    BrokenFileError
        If a file of CIFAR-10 can't be read; the message names it.
    ImportError
        If CIFAR-10 is to be downloaded and Keras isn't installed.
    ConnectionError
        If the download fails.
    """
    if source not in ("generated", "cifar10"):
        raise ValueError(f"source must be 'generated' or 'cifar10', got {source!r}")
    if source == "generated" and folder is not None:
        raise ValueError("folder is for source='cifar10'; generated pictures have none")
    for name, n in (("train", train), ("test", test)):
        _require_count(name, n)
    if source == "generated":
        x, y = generate(train + test, seed)
        return Pictures(x[:train], y[:train], x[train:], y[train:], CLASSES)
    everything = download_cifar10() if folder is None else read_cifar10(folder)
    rng = np.random.default_rng(seed)
    parts = []
    for x, y, n in (
        (everything.x_train, everything.y_train, train),
        (everything.x_test, everything.y_test, test),
    ):
        if n > len(y):
            raise ValueError(f"there are {len(y)} pictures, {n} were asked for")
        rows = rng.permutation(len(y))[:n]
        parts += [x[rows], y[rows]]
    return Pictures(*parts, everything.names)


def generate(n, seed=0):
    """Draw ``n`` pictures, the ten classes as evenly as possible, in random order.

    Parameters
    ----------
    n : int
    seed : int

    Returns
    -------
    x : numpy.ndarray of uint8, shape (n, 32, 32, 3)
    y : numpy.ndarray of int64, shape (n,)
    """
    _require_count("n", n)
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % len(CLASSES))
    ground = rng.uniform(0.25, 0.75, (n, 1, 1, 1)) + rng.normal(0, 0.12, (n, 1, 1, 3))
    x = ground + 0.11 * _waves(rng, n)
    x = _paint(x, _bar(rng, n, width=(0.6, 2.2), length=(0.7, 7)), _colour(rng, n))
    thing = _away_from(ground, rng) + 0.05 * _waves(rng, n)
    x = _paint(x, _things(rng, y), thing)
    lines = _bar(rng, n, width=(0.8, 0.8), length=(99, 99))
    x = _paint(x, lines * (rng.random((n, 1, 1)) < 0.2), _colour(rng, n))
    x = x + rng.normal(scale=0.04, size=x.shape)
    return np.round(255 * np.clip(x, 0, 1)).astype("uint8"), y


def read_batch(path):
    """Read one file of the real CIFAR-10 in its Python format.

    The file is a pickled dictionary: ``b"data"`` holds uint8 of shape (n, 3072), for
    each picture all of red, then green, then blue, row by row; ``b"labels"`` a list of
    n numbers. Nothing but arrays is unpickled, so a file can't run code.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    x : numpy.ndarray of uint8, shape (n, 32, 32, 3)
    y : numpy.ndarray of int64, shape (n,)

    Raises
    ------
    BrokenFileError
        If the file is missing, cut off or holds something else.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            batch = _ArraysOnly(file, encoding="bytes").load()
    except FileNotFoundError:
        raise BrokenFileError(f"{path} is missing") from None
    except Exception as error:  # pickle raises whatever the bytes lead it to
        raise BrokenFileError(
            f"{path} is cut off or no file of CIFAR-10 "
            f"({type(error).__name__}: {error}); delete it and fetch it again"
        ) from error
    if not isinstance(batch, dict) or not {b"data", b"labels"} <= batch.keys():
        raise BrokenFileError(f"{path} holds no dictionary with b'data' and b'labels'")
    data, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3 * SIZE * SIZE:
        raise BrokenFileError(
            f"{path}: expected data of uint8 and shape (n, {3 * SIZE * SIZE}), "
            f"got {data.dtype} and {data.shape}"
        )
    whole = labels.dtype.kind in "iu" and labels.shape == (len(data),)
    if not whole or not np.isin(labels, range(10)).all():
        raise BrokenFileError(f"{path}: expected {len(data)} labels from 0 to 9")
    x = data.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(x), labels.astype(np.int64)


def read_cifar10(folder):
    """Read the real CIFAR-10 from the six files of its Python version.

    Parameters
    ----------
    folder : str or Path
        Holds ``data_batch_1`` to ``data_batch_5`` and ``test_batch``.

    Returns
    -------
    Pictures
        All of them, in the files' order.

    Raises
    ------
    BrokenFileError
        If one of the files is missing or can't be read.
    """
    train = [read_batch(Path(folder) / name) for name in TRAIN_FILES]
    x_train, y_train = (np.concatenate(part) for part in zip(*train, strict=True))
    x_test, y_test = read_batch(Path(folder) / TEST_FILE)
    return Pictures(x_train, y_train, x_test, y_test, CIFAR10_CLASSES)


def download_cifar10():
    """Return the real CIFAR-10 through ``keras.datasets``, downloaded if need be.

    A broken or partial download is deleted and fetched again, once.

    Returns
    -------
    Pictures
        50000 to learn from and 10000 to judge with.

    Raises
    ------
    ImportError
        If Keras isn't installed.
    ConnectionError
        If nothing can be fetched.
    BrokenFileError
        If what was fetched is broken the second time, too.
    """
    try:
        import keras
    except ImportError as error:
        raise ImportError(
            "the download of CIFAR-10 goes through keras.datasets, and Keras isn't "
            "installed; install it, or unpack cifar-10-python.tar.gz from "
            "https://www.cs.toronto.edu/~kriz/cifar.html and give its folder"
        ) from error
    for attempt in (1, 2):
        try:
            (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
            _require_whole(x_train, y_train, 50000)
            _require_whole(x_test, y_test, 10000)
            break
        except PermissionError:
            raise
        except Exception as error:  # Keras raises plain Exception, too
            _forget_download()
            if attempt == 1:
                continue
            if "URL fetch failure" in str(error):
                raise ConnectionError(
                    f"CIFAR-10 could not be downloaded ({error}); load('generated') "
                    "needs no network"
                ) from error
            raise BrokenFileError(
                "the download of CIFAR-10 came broken twice "
                f"({type(error).__name__}: {error}); it was deleted, try later"
            ) from error
    if keras.config.image_data_format() == "channels_first":
        x_train, x_test = (x.transpose(0, 2, 3, 1) for x in (x_train, x_test))
    y_train, y_test = (y[:, 0].astype(np.int64) for y in (y_train, y_test))
    return Pictures(x_train, y_train, x_test, y_test, CIFAR10_CLASSES)


class _ArraysOnly(pickle.Unpickler):
    """Unpickles arrays and plain containers, and refuses everything else."""

    _ALLOWED = {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.core.numeric", "_frombuffer"),
        ("_codecs", "encode"),
    }

    def find_class(self, module, name):
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in it")
        # NumPy 2 renamed its core; the real files are older, and NumPy may be.
        if hasattr(np, "_core"):
            module = module.replace("numpy.core", "numpy._core")
        else:
            module = module.replace("numpy._core", "numpy.core")
        return super().find_class(module, name)


def _forget_download():
    """Delete what Keras keeps of CIFAR-10, archive and unpacked files."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    for path in (home / "datasets").glob("cifar-10-batches-py*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _require_whole(x, y, n):
    if len(x) != n or y.shape != (n, 1) or x.dtype != np.uint8 or y.max() > 9:
        raise BrokenFileError(f"expected {n} pictures, got {x.dtype} of {x.shape}")


def _require_count(name, n):
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"{name} must be a whole number from 1 up, got {n!r}")


# The generator's parts. All return float64; pictures are (n, 32, 32, 3) from 0 to 1,
# masks (n, 32, 32, 1) from 0, nothing, to 1, all of the pixel.


def _waves(rng, n, cells=5):
    """Smooth random colours (n, 32, 32, 3): linear between random knots."""
    knots = rng.normal(size=(n, cells, cells, 3))
    place = np.linspace(0, cells - 1, SIZE)
    blend = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells)))  # (32, cells)
    rows = np.tensordot(blend, knots, axes=(1, 1))  # (32, n, cells, 3)
    return np.tensordot(blend, rows, axes=(1, 2)).transpose(2, 1, 0, 3)


def _paint(x, mask, colour):
    mask = mask[..., None]
    return x * (1 - mask) + colour * mask


def _colour(rng, n):
    return rng.uniform(size=(n, 1, 1, 3))


def _away_from(ground, rng):
    """A colour per picture (n, 1, 1, 3) that stands out from the ground."""
    direction = rng.normal(size=ground.shape)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    step = direction * rng.uniform(0.5, 1.1, (len(ground), 1, 1, 1))
    outside = np.abs(ground + step - 0.5) > 0.55
    return np.where(outside, ground - step, ground + step)


def _bar(rng, n, width, length):
    """Mask (n, 32, 32) of one bar at a random place, turned at random."""
    x, y = rng.uniform(0, SIZE, (2, n))
    along, across = _turned(x, y, rng.uniform(0, np.pi, n))
    half_length = rng.uniform(*length, (n, 1, 1))
    half_width = rng.uniform(*width, (n, 1, 1))
    outside = np.maximum(np.abs(along) - half_length, np.abs(across) - half_width)
    return np.clip(0.5 - outside, 0, 1)


def _things(rng, y):
    """Mask (n, 32, 32) of the classes' shapes: any place, size and small turn."""
    n = len(y)
    radius = rng.uniform(8, 13, n)
    room = 15.5 - 0.85 * radius
    centre = 15.5 + rng.uniform(-1, 1, (2, n)) * room
    u, v = _turned(*centre, rng.uniform(-0.35, 0.35, n)) / radius[:, None, None]
    u *= rng.choice([-1, 1], (n, 1, 1))  # a moon opens to either side
    mask = np.empty((n, SIZE, SIZE))
    for label, outside in enumerate(_SHAPES):
        rows = y == label
        pixels = outside(u[rows], v[rows]) * radius[rows, None, None]
        mask[rows] = np.clip(0.5 - pixels / 1.2, 0, 1)  # a soft border
    return mask


def _turned(x, y, angle):
    """Each pixel's place (2, n, 32, 32), seen from (x, y) and turned by angle."""
    pixel = np.arange(SIZE)
    dx, dy = pixel[None, None, :] - x[:, None, None], pixel[:, None] - y[:, None, None]
    c, s = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    return np.stack([c * dx + s * dy, c * dy - s * dx])


# How far a point lies outside a shape of radius 1, roughly: negative inside. The
# second coordinate points down, as rows do.


def _star(u, v, tip=1.05, notch=0.42):
    part = 2 * np.pi / 5
    r, angle = np.hypot(u, v), (np.arctan2(u, -v) + part / 2) % part - part / 2
    ends = notch * np.array([np.cos(part / 2), np.sin(part / 2)]) - [tip, 0]
    across = np.array([ends[1], -ends[0]]) / np.hypot(*ends)
    return across[0] * (r * np.cos(angle) - tip) + across[1] * r * np.abs(np.sin(angle))


def _heart(u, v):
    u, v = 1.05 * np.abs(u), 1.05 * v - 0.1
    lobe = np.hypot(u - 0.42, v + 0.32) - 0.47
    point = np.maximum(0.75 * u + 0.66 * v - 0.53, -v - 0.42)
    return np.minimum(lobe, point)


def _cross(u, v):
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.minimum(u, v) - 0.27, np.maximum(u, v) - 0.9)


_SHAPES = (
    lambda u, v: np.hypot(u, v) - 0.85,
    lambda u, v: np.abs(np.hypot(u, v) - 0.72) - 0.23,
    lambda u, v: np.maximum(np.abs(u), np.abs(v)) - 0.75,
    lambda u, v: np.maximum(0.866 * np.abs(u) + 0.5 * v, -v) - 0.5,
    _star,
    _cross,
    _heart,
    lambda u, v: np.maximum(np.hypot(u, v) - 0.9, 0.72 - np.hypot(u - 0.48, v)),
    lambda u, v: np.maximum(np.hypot(u, v) - 0.95, 0.25 * np.sin(2.5 * np.pi * u)),
    lambda u, v: np.maximum(
        np.hypot(u, v) - 0.95, 0.3 * np.sin(1.7 * np.pi * u) * np.sin(1.7 * np.pi * v)
    ),
)
