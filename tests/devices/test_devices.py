"""PyTorch's cells go to an accelerator and do there what they do on the processor.

No GPU is needed: PyTorch is given a device that only pretends to be one, made from
``pretender/device.cpp``. What is left on the processor, by mistake or by a function
that doesn't say so, fails here as it would on CUDA. Kernels of a GPU, with their own
rounding and order of additions, are what ``make test-gpu`` is for.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.accelerator import STAY
from tools.editions import write_editions
from tools.nbval import run_nbval
from tools.normalise import ANSI
from tools.notebooks import (
    ROOT,
    chapter_name,
    code_cells,
    dumps,
    find,
    read,
    tags,
    write,
)

HERE = Path(__file__).parent / "pretender"
FIXTURE = ROOT / "tests" / "fixtures" / "chapter.ipynb"
COMPILER = os.environ.get("CXX", "c++")
CALL = "threeways.use_accelerator()"

SPOKEN = {"torch.FloatTensor": "pretendFloatType"}
"""How PyTorch calls what lies on the device, in messages that the chapters show."""


@pytest.fixture(scope="session")
def settings():
    """Environment variables of a process in which PyTorch has the device."""
    if not shutil.which(COMPILER):
        pytest.skip(f"there is no C++ compiler {COMPILER}")
    library = _library()
    return {
        "PRETENDED_DEVICE": str(library),
        "PYTHONPATH": str(HERE),
        "OMP_NUM_THREADS": "1",
    }


def _library():
    """Compile the device, unless that was done for this source, PyTorch and system."""
    import torch
    from torch.utils import cpp_extension

    source = HERE / "device.cpp"
    about = source.read_bytes() + f"{torch.__version__} {sys.platform}".encode()
    folder = ROOT / "_build" / "pretender"
    library = folder / f"{hashlib.sha256(about).hexdigest()[:12]}.so"
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    draft = library.with_suffix(f".{os.getpid()}")
    command = [COMPILER, "-shared", "-fPIC", "-O1", "-std=c++20", source, "-o", draft]
    for path in cpp_extension.include_paths():
        command += ["-isystem", path]
    for path in cpp_extension.library_paths():
        command += ["-L", path]
    subprocess.run([*command, "-lc10", "-ltorch_cpu"], check=True)
    draft.replace(library)
    return library


def _run(notebook, folder, settings):
    text = dumps(notebook)
    for on_cpu, on_device in SPOKEN.items():
        text = text.replace(on_cpu, on_device)
    path = folder / "chapter.ipynb"
    write(path, text)
    done = run_nbval(path, **settings)
    return done.returncode, ANSI.sub("", done.stdout + done.stderr)


@pytest.mark.parametrize("path", find(), ids=chapter_name)
def test_chapter_on_the_device(path, settings, tmp_path):
    notebook = read(path)
    if not any("parity" in tags(cell) for cell in code_cells(notebook)):
        (file,) = write_editions([path], tmp_path)["pytorch"]
        notebook = read(file)  # which takes less time
    failed, said = _run(notebook, tmp_path, settings)
    if failed:
        pytest.fail(said, pytrace=False)


def test_chapters_that_stay_are_known():
    stay = {
        chapter_name(path)
        for path in find()
        if not any(CALL in cell.source for cell in code_cells(read(path)))
    }
    assert stay == {*STAY}


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (
            "torch.ones(2).numpy()",
            "can't convert pretend:0 device type tensor to numpy",
        ),
        ("torch.ones(2) + torch.from_numpy(numpy.ones(2))", "at least two devices"),
        ("torch.randperm(3, generator=torch.Generator())", "device type for generator"),
        ("assert torch.ones(1).is_cpu", "AssertionError"),
    ],
)
def test_what_stays_behind_turns_red(code, complaint, settings, tmp_path):
    (file,) = write_editions([FIXTURE], tmp_path)["pytorch"]
    notebook = read(file)
    cell = next(cell for cell in code_cells(notebook) if "import torch" in cell.source)
    cell.source += f"\nimport numpy, threeways\n{CALL}\n{code};"
    failed, said = _run(notebook, tmp_path, settings)
    assert failed and complaint in said


def test_layers_compute_what_they_compute_on_the_processor(settings):
    program = """
import copy, torch
torch.manual_seed(0)
for layer, shape in [
    (torch.nn.LSTM(4, 8, 2), (5, 3, 4)), (torch.nn.GRU(4, 8, bias=False), (5, 3, 4)),
    (torch.nn.Conv2d(2, 4, 3, padding=1), (2, 2, 6, 6)),
    (torch.nn.ConvTranspose2d(2, 4, 3, stride=2), (2, 2, 6, 6)),
    (torch.nn.BatchNorm1d(4), (5, 4)), (torch.nn.Dropout(0.5), (5, 4)),
]:
    kept, given = {}, torch.randn(shape)
    for device in ("cpu", torch.accelerator.current_accelerator()):
        net = copy.deepcopy(layer).to(device)
        x = given.detach().to(device).requires_grad_()
        torch.manual_seed(1)
        y = net(x)
        y = y[0] if isinstance(y, tuple) else y
        y.square().sum().backward()
        grads = [p.grad for p in net.parameters()]
        kept[str(device)] = [y, x.grad, *grads, *net.buffers()]
    cpu, other = kept.values()
    assert all(t.device.type == "pretend" for t in other)
    for ours, theirs in zip(other, cpu, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs)
    print(type(layer).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [
        "LSTM", "GRU", "Conv2d", "ConvTranspose2d", "BatchNorm1d", "Dropout",
    ], done.stderr  # fmt: skip
