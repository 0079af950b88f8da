"""The generated pictures, and the real CIFAR-10 from small files in its format."""

import builtins
import io
import os
import pickle
import tarfile

import threeways  # noqa: F401  before Keras: it silences TensorFlow

# isort: split
import keras
import numpy as np
import pytest

from threeways.datasets import pictures

FILES = (*pictures.TRAIN_FILES, pictures.TEST_FILE)


def batch(n, seed=0):
    """A small batch as CIFAR-10 has it, and its pictures (n, 32, 32, 3)."""
    rng = np.random.default_rng(seed)
    x = rng.integers(256, size=(n, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(10, size=n).tolist()
    data = x.transpose(0, 3, 1, 2).reshape(n, 3072)
    names = [b"a.png"] * n
    return {b"data": data, b"labels": labels, b"filenames": names}, x


def write(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol=protocol))


@pytest.fixture
def folder(tmp_path):
    for k, name in enumerate(FILES):
        write(tmp_path / name, batch(4 + k, seed=k)[0])
    return tmp_path


def test_generated_pictures_are_as_promised():
    x, y = pictures.generate(200, seed=3)
    assert x.shape == (200, 32, 32, 3) and x.dtype == np.uint8
    assert y.shape == (200,) and y.dtype == np.int64
    assert np.bincount(y).tolist() == [20] * 10
    assert len(pictures.CLASSES) == len(set(pictures.CLASSES)) == 10
    again, labels = pictures.generate(200, seed=3)
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, labels)
    other, _ = pictures.generate(200, seed=4)
    assert not np.array_equal(x, other)
    assert len(pictures.generate(3)[1]) == 3


def test_colour_alone_tells_little():
    """The mean colour predicts the class hardly better than chance does."""
    x, y = pictures.generate(2000)
    colours = x.mean(axis=(1, 2))  # (2000, 3)
    centres = np.stack([colours[y == k].mean(axis=0) for k in range(10)])
    distances = ((colours[:, None] - centres) ** 2).sum(axis=2)
    assert np.mean(distances.argmin(axis=1) == y) < 0.2


def test_every_shape_covers_some_but_not_all_of_its_disc():
    u, v = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41))
    masks = [shape(u, v) < 0 for shape in pictures._SHAPES]
    for name, mask in zip(pictures.CLASSES, masks, strict=True):
        assert 0.1 < mask.mean() < 0.8, name
    for a in range(10):
        for b in range(a):
            assert np.mean(masks[a] != masks[b]) > 0.05
    # Most are their own mirror images, up to rounding at the border.
    for name, mask in zip(pictures.CLASSES, masks, strict=True):
        if name not in ("moon", "stripes", "checks"):
            assert np.mean(mask != mask[:, ::-1]) < 0.01, name


def test_load_splits():
    data = pictures.load(train=30, test=20, seed=1)
    assert data.x_train.shape == (30, 32, 32, 3) and data.x_test.shape == (
        20,
        32,
        32,
        3,
    )
    x, y = pictures.generate(50, seed=1)
    np.testing.assert_array_equal(np.concatenate([data.x_train, data.x_test]), x)
    np.testing.assert_array_equal(np.concatenate([data.y_train, data.y_test]), y)
    assert data.names == pictures.CLASSES


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"source": "mnist"}, "'mnist'"),
        ({"train": 0}, "train must be .* got 0"),
        ({"test": 2.5}, "test must be .* got 2.5"),
        ({"train": True}, "got True"),
        ({"folder": "there"}, "folder is for source='cifar10'"),
    ],
)
def test_wrong_arguments_are_told(arguments, said):
    with pytest.raises(ValueError, match=said):
        pictures.load(**arguments)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_batch_is_read(tmp_path, protocol):
    content, expected = batch(5)
    write(tmp_path / "data_batch_1", content, protocol)
    x, y = pictures.read_batch(tmp_path / "data_batch_1")
    np.testing.assert_array_equal(x, expected)
    assert y.tolist() == content[b"labels"] and y.dtype == np.int64


def test_a_batch_of_python_2_is_read(tmp_path):
    """The real files name NumPy's core as it was called then."""
    content, expected = batch(2)
    raw = pickle.dumps(content, protocol=2)
    old = raw.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    assert b"cnumpy.core.multiarray\n" in old
    (tmp_path / "data_batch_1").write_bytes(old)
    np.testing.assert_array_equal(
        pictures.read_batch(tmp_path / "data_batch_1")[0], expected
    )


def broken_batches():
    content, _ = batch(3)
    whole = pickle.dumps(content, protocol=2)
    yield "cut off", whole[: len(whole) // 2], "cut off"
    yield "empty", b"", "cut off"
    yield "web page", b"<html>404</html>", "cut off"
    yield "a list", pickle.dumps([1, 2]), "holds no dictionary"
    yield "no labels", pickle.dumps({b"data": content[b"data"]}), "holds no dictionary"
    small = {**content, b"data": content[b"data"][:, :100]}
    yield (
        "small pictures",
        pickle.dumps(small),
        r"\(n, 3072\), got uint8 and \(3, 100\)",
    )
    floats = {**content, b"data": content[b"data"] / 255}
    yield "floats", pickle.dumps(floats), "got float64"
    yield "a label less", pickle.dumps({**content, b"labels": [1, 2]}), "3 labels"
    yield "label 10", pickle.dumps({**content, b"labels": [1, 2, 10]}), "from 0 to 9"
    yield (
        "a program",
        pickle.dumps({b"data": os.system, b"labels": []}),
        "no place in it",
    )


@pytest.mark.parametrize(
    ("raw", "said"), [pytest.param(*rest, id=name) for name, *rest in broken_batches()]
)
def test_a_broken_batch_is_told(tmp_path, raw, said):
    path = tmp_path / "data_batch_1"
    path.write_bytes(raw)
    with pytest.raises(pictures.BrokenFileError, match=said) as caught:
        pictures.read_batch(path)
    assert str(path) in str(caught.value)
    assert path.exists()  # a reader's own file is never deleted


def test_a_folder_is_read_without_keras(folder, monkeypatch):
    real = builtins.__import__

    def without_keras(name, *rest, **more):
        assert not name.startswith("keras")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_keras)
    data = pictures.load("cifar10", train=30, test=9, folder=folder)
    assert data.x_train.shape == (30, 32, 32, 3) and data.y_test.shape == (9,)
    assert data.names == pictures.CIFAR10_CLASSES
    everything = pictures.read_cifar10(folder)
    assert len(everything.y_train) == 4 + 5 + 6 + 7 + 8
    np.testing.assert_array_equal(everything.x_test, batch(9, seed=5)[1])
    assert sorted(data.y_train) == sorted(everything.y_train)
    with pytest.raises(ValueError, match="30 pictures, 31 were asked for"):
        pictures.load("cifar10", train=31, test=9, folder=folder)


@pytest.mark.parametrize("missing", ["data_batch_3", "test_batch"])
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(pictures.BrokenFileError, match=f"{missing} is missing"):
        pictures.load("cifar10", folder=folder)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where Keras keeps downloads, in a home of its own, with no way to the network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    # Keras reads the variable once, when it is imported.
    monkeypatch.setattr(
        "keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path)
    )
    return tmp_path / "datasets"


def archive(members):
    """A tar.gz of CIFAR-10's folder with the given files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in members.items():
            data = pickle.dumps(content, protocol=2)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()


def test_a_broken_download_is_deleted_and_fetched_again(kept, monkeypatch, capsys):
    """The real Keras finds the wrong checksum each time; nothing of it stays."""
    fetched = []

    def fetch(origin, target, progress=None):
        fetched.append(origin)
        with open(target, "wb") as file:
            file.write(archive({"data_batch_1": batch(3)[0]}))

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", fetch)
    with pytest.raises(pictures.BrokenFileError, match="broken twice.*it was deleted"):
        pictures.load("cifar10")
    assert len(fetched) == 2
    assert not list(kept.glob("cifar-10*"))


def test_the_second_download_counts(kept, monkeypatch):
    """A broken one first, then a whole one: the reader gets the whole one."""
    part = kept / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    part.mkdir(parents=True)
    (part / "data_batch_1").write_bytes(b"partial")
    (kept / "cifar-10-batches-py-target_archive").write_bytes(b"partial")
    other = kept / "mnist.npz"
    other.write_bytes(b"stays")

    def load_data():
        if part.exists():
            raise EOFError("Ran out of input")
        x = np.zeros((60000, 32, 32, 3), dtype=np.uint8)
        y = (np.arange(60000, dtype=np.uint8) % 10)[:, None]
        return (x[:50000], y[:50000]), (x[50000:], y[50000:])

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data)
    data = pictures.load("cifar10", train=20, test=10)
    assert data.x_train.shape == (20, 32, 32, 3) and data.y_train.dtype == np.int64
    assert [path.name for path in kept.iterdir()] == ["mnist.npz"]


def test_no_network_is_told(kept, monkeypatch):
    import urllib.error

    def fetch(*_):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", fetch)
    with pytest.raises(ConnectionError, match="could not be downloaded.*'generated'"):
        pictures.load("cifar10")


def test_a_missing_keras_is_told(monkeypatch):
    real = builtins.__import__

    def without_keras(name, *rest, **more):
        if name == "keras":
            raise ImportError("No module named 'keras'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_keras)
    with pytest.raises(ImportError, match="Keras isn't installed.*give its folder"):
        pictures.load("cifar10")
