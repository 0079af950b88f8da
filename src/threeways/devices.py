"""Compute on an accelerator if there is one, with all digits."""

import os
import sys
import warnings

SETTINGS = {
    "NVIDIA_TF32_OVERRIDE": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "JAX_ENABLE_X64": "true",
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",
}
"""What the frameworks and NVIDIA's libraries read as they start.

TensorFloat-32, the default of TensorFlow and of PyTorch's convolutions on recent GPUs,
multiplies with 10 bits of the fraction instead of 23: too few for the checks. A fixed
workspace makes cuBLAS repeat its results bit by bit. TensorFlow and JAX would each
take nearly all of the memory, and a chapter has several frameworks in one process. JAX,
which can be Keras' backend, makes float32 of float64 by default, on processors too.
XLA's own kernels heed nothing of NVIDIA's: JAX is told by a variable of its own, and
TensorFlow when it is imported.
"""


def prepare_accelerators():
    """Set what is in :data:`SETTINGS`, but for what the reader has set.

    On a Mac, Keras on PyTorch is kept from Apple's GPUs, too.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if sys.platform == "darwin":
        os.environ.setdefault("KERAS_TORCH_DEVICE", "cpu")


def use_accelerator():
    """Have PyTorch put new tensors on the accelerator, if there is one.

    TensorFlow and Keras take a GPU by themselves; PyTorch wants to be told. After this
    call ``torch.tensor``, ``torch.as_tensor``, ``torch.nn.Linear`` and most else that
    makes tensors make them there (``torch.set_default_device``). Not so
    ``torch.from_numpy``, which stays with the array's memory, ``torch.Tensor``,
    ``torch.normal``, and ``torch.Generator`` unless it is given the device. Algorithms
    are the deterministic ones where PyTorch has them.

    Without an accelerator nothing is changed; nor with one that has no float64, in
    which the book checks its formulas (Apple's, some of Intel's), or that is older than
    what this PyTorch was built for.

    Returns
    -------
    torch.device
        Where tensors are made from now on: for instance ``cuda``, or ``cpu``.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch isn't installed.
    """
    import torch

    if not torch.accelerator.is_available():
        return torch.device("cpu")
    device = torch.accelerator.current_accelerator()
    if not _computes_in_float64(device):
        return torch.device("cpu")
    torch.set_default_device(device)
    torch.backends.cudnn.allow_tf32 = False  # if NVIDIA's libraries were there first
    torch.use_deterministic_algorithms(True, warn_only=True)
    warnings.filterwarnings("ignore", ".*does not have a deterministic implementation")
    return device


def _computes_in_float64(device):
    """Return whether one and one are two there."""
    import torch

    try:
        one = torch.ones(1, dtype=torch.float64, device=device)
        return (one + one).item() == 2.0
    except (RuntimeError, TypeError):
        return False
