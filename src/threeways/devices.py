"""Compute on an accelerator if there is one, with all digits."""

import os

SETTINGS = {
    "NVIDIA_TF32_OVERRIDE": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "JAX_ENABLE_X64": "true",
}
"""What the frameworks and NVIDIA's libraries read as they start.

TensorFloat-32, the default of TensorFlow and of PyTorch's convolutions on recent GPUs,
multiplies with 10 bits of the fraction instead of 23: too few for the checks. A fixed
workspace makes cuBLAS repeat its results bit by bit. TensorFlow and JAX would each
take nearly all of the memory, and a chapter has several frameworks in one process. JAX,
which can be Keras' backend, makes float32 of float64 by default, on processors too.
"""


def prepare_accelerators():
    """Set what is in :data:`SETTINGS`, but for what the reader has set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def use_accelerator():
    """Have PyTorch put new tensors on the accelerator, if there is one.

    TensorFlow and Keras take a GPU by themselves; PyTorch wants to be told. After this
    call ``torch.tensor``, ``torch.as_tensor``, ``torch.nn.Linear`` and all else that
    makes tensors make them there (``torch.set_default_device``); ``torch.from_numpy``
    stays with the array's memory, and ``torch.Generator`` on the CPU unless it is
    given the device. Algorithms are the deterministic ones where PyTorch has them.

    Without an accelerator nothing is changed. Apple's GPUs (``mps``) are passed over,
    since they have no float64, in which the book checks its formulas.

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
    if device.type == "mps":
        return torch.device("cpu")
    torch.set_default_device(device)
    torch.use_deterministic_algorithms(True, warn_only=True)
    return device
