"""What importing the helper package costs, brings along and keeps quiet."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")


def run(code, **environment):
    """Run code in a fresh interpreter; return what it wrote to stdout and stderr."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout, result.stderr


def seconds(statement):
    """Return the best of seven times that a fresh interpreter needs for an import."""
    code = f"from time import perf_counter as now; t = now(); {statement}"
    return min(float(run(f"{code}; print(now() - t)")[0]) for _ in range(7))


def test_import_is_quick():
    assert seconds("import threeways") - seconds("import numpy") < 0.3


def test_import_brings_no_framework():
    code = "import sys, threeways; print(*sys.modules)"
    imported = run(code)[0].split()
    heavy = {*FRAMEWORKS, "matplotlib", "sklearn", "scipy"}
    assert not heavy & set(imported)


def test_requirements_have_lower_bounds_only():
    """So that installing the package moves nothing a reader has installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    assert {r.name for r in requirements} == {
        "numpy",
        "matplotlib",
        "scikit-learn",
        "psutil",
    }
    for requirement in requirements:
        assert [bound.operator for bound in requirement.specifier] == [">="]


@pytest.mark.parametrize("statement", ["import tensorflow", "import keras"])
def test_tensorflow_starts_silently(statement):
    # Looking for TensorFlow without importing it must not use up the silence.
    look = "import importlib.util; importlib.util.find_spec('tensorflow')"
    code = f"import threeways; {look}; {statement}; import tensorflow as tf"
    stdout, stderr = run(f"{code}; print(tf.reduce_sum(tf.ones(3)).numpy())")
    assert stdout == "3.0\n"
    assert stderr == ""


def test_silence_can_be_switched_off():
    _, stderr = run("import threeways, tensorflow", TF_CPP_MIN_LOG_LEVEL="0")
    assert stderr


def test_tensorflow_keeps_its_own_loader():
    """Nothing of the hook is left on the module that readers work with."""
    code = (
        "import threeways, tensorflow as tf; "
        "print(type(tf.__loader__).__module__, tf.__spec__.loader is tf.__loader__)"
    )
    assert run(code)[0].split() == ["_frozen_importlib_external", "True"]


TENSORFLOW = """
print("tensorflow")
class config:
    class experimental:
        def enable_tensor_float_32_execution(enabled):
            print("TF32:", enabled)
"""


@pytest.fixture
def pretended(tmp_path):
    """A folder with modules that say when they are imported."""
    (tmp_path / "triton.py").write_text("print('triton')\n")
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    return str(tmp_path)


@pytest.mark.parametrize("level", ["0", "3"])
def test_triton_comes_before_tensorflow(pretended, level):
    """The other order crashes Python, and not every machine has Triton to show it."""
    code = "import threeways, tensorflow"
    stdout, _ = run(code, PYTHONPATH=pretended, TF_CPP_MIN_LOG_LEVEL=level)
    assert stdout.splitlines()[:2] == ["triton", "tensorflow"]


@pytest.mark.parametrize(("override", "said"), [("0", ["TF32: False"]), ("1", [])])
def test_tensorflow_keeps_all_digits_unless_the_reader_says_so(
    pretended, override, said
):
    code = "import threeways, tensorflow"
    stdout, _ = run(code, PYTHONPATH=pretended, NVIDIA_TF32_OVERRIDE=override)
    assert stdout.splitlines()[2:] == said


def test_an_optimiser_after_tensorflow_does_not_crash():
    """The real thing, where PyTorch's build for CUDA has brought Triton along."""
    code = "import threeways, tensorflow, torch; torch.optim.SGD([torch.ones(1)], lr=1)"
    run(code)


def test_a_failing_import_tells_all(tmp_path):
    """What a broken TensorFlow says on its way down is shown, and so is its error."""
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'bad instruction\\n')\nraise ImportError('broken')\n"
    )
    code = "import threeways, tensorflow"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert "bad instruction" in result.stderr
    assert "ImportError: broken" in result.stderr


def test_a_missing_tensorflow_is_an_ordinary_import_error():
    code = (
        "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; "
        "sys.path_importer_cache.clear()\n"
        "from threeways._tensorflow import prepare_tensorflow; prepare_tensorflow()\n"
        "try:\n    import tensorflow\n"
        "except ModuleNotFoundError as error:\n    print(error)"
    )
    # The package's own imports need NumPy: take its one file alone.
    code = code.replace(
        "from threeways._tensorflow import prepare_tensorflow",
        f"import runpy; prepare_tensorflow = runpy.run_path({str(ROOT)!r} "
        "+ '/src/threeways/_tensorflow.py')['prepare_tensorflow']",
    )
    assert run(code)[0] == "No module named 'tensorflow'\n"


def test_style_is_found_by_its_name():
    code = (
        "import matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as plt; "
        "plt.style.use('threeways.book'); print(plt.rcParams['figure.dpi'])"
    )
    assert run(code)[0] == "160.0\n"
