"""PyTorch goes to an accelerator, if there is one that will do, and TF32 stays out."""

import os
import subprocess
import sys

import pytest
import torch

from threeways import devices, use_accelerator
from threeways.devices import SETTINGS


@pytest.fixture
def there_is(monkeypatch):
    """Have PyTorch see an accelerator of a type; everything is as before afterwards."""

    def pretend(kind):
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: kind is not None)
        monkeypatch.setattr(
            torch.accelerator, "current_accelerator", lambda: torch.device(kind)
        )

    yield pretend
    torch.set_default_device(None)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.allow_tf32 = True


def test_new_tensors_are_made_on_the_accelerator(there_is, monkeypatch):
    there_is("meta")  # a device without memory, which every PyTorch has
    monkeypatch.setattr(devices, "_computes_in_float64", lambda device: True)
    assert use_accelerator() == torch.device("meta")
    layer = torch.nn.Linear(2, 3)
    for made in (torch.ones(2), torch.as_tensor([1.0]), layer.weight):
        assert made.device == torch.device("meta")
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()


# "mps" is there on a Mac at most, and then without float64; "meta" computes nothing.
@pytest.mark.parametrize("kind", [None, "mps", "meta"])
def test_without_one_that_knows_float64_nothing_changes(kind, there_is):
    there_is(kind)
    assert use_accelerator() == torch.device("cpu")
    assert torch.ones(2, dtype=torch.float64).is_cpu
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.overrides._is_torch_function_mode_enabled()  # which costs time


def test_import_settles_what_the_libraries_read_but_not_what_the_reader_has_set():
    names = ["NVIDIA_TF32_OVERRIDE", "JAX_ENABLE_X64"]
    tell = f"import os, threeways; print(*[os.environ[name] for name in {names}])"
    told = []
    for chosen in ({}, {"NVIDIA_TF32_OVERRIDE": "1"}):
        environ = {k: v for k, v in os.environ.items() if k not in SETTINGS} | chosen
        command = [sys.executable, "-c", tell]
        done = subprocess.run(
            command, env=environ, check=True, capture_output=True, text=True
        )
        told.append(done.stdout.split())
    assert told == [["0", "true"], ["1", "true"]]
