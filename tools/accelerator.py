"""Say which frameworks see an accelerator, and run a command on it.

    python -m tools.accelerator                                # what is there?
    python -m tools.accelerator python -m pytest --nbval-lax notebooks

The command runs only if TensorFlow sees one: the notebooks leave the choice of a device
to their framework, and PyTorch then takes the processor. Else a run on the processor
would pass for one on a GPU. Each framework is asked in a process of its own. The exit
status is the command's, or 1 if nothing would compute on an accelerator.
"""

import os
import subprocess
import sys

from tools.notebooks import ROOT

QUESTIONS = {
    "PyTorch": """
import torch
if torch.cuda.is_available():
    print(torch.cuda.get_device_name())
elif torch.accelerator.is_available():
    print(torch.accelerator.current_accelerator().type)
""",
    "TensorFlow": """
import tensorflow as tf
for device in tf.config.list_physical_devices("GPU")[:1]:
    print(tf.config.experimental.get_device_details(device).get("device_name", "GPU"))
""",
    "JAX": """
import jax
if jax.default_backend() != "cpu":
    print(jax.devices()[0].device_kind)
""",
}
"""A program for each framework that prints the accelerator's name, if it sees one."""

TAKES_IT = "TensorFlow"
"""The framework that takes an accelerator by itself, and Keras on it."""

SETTINGS = {
    "NVIDIA_TF32_OVERRIDE": "0",  # float32 with all its digits, as on a processor
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # a notebook has several frameworks, and
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # none may take all the memory
}
"""Environment variables that the command runs with."""


def seen() -> dict[str, str]:
    """Return the name that each framework gives the accelerator; '' if it sees none."""
    names = {}
    for framework, question in QUESTIONS.items():
        said = subprocess.run(
            [sys.executable, "-c", question],
            env=os.environ | SETTINGS,
            capture_output=True,
            text=True,
        )
        names[framework] = said.stdout.strip().rpartition("\n")[2]
    return names


def main(arguments: list[str] | None = None) -> int:
    """Ask, say what was answered, run the command; return the exit status."""
    command = sys.argv[1:] if arguments is None else arguments
    if command[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    names = seen()
    for framework, name in names.items():
        print(f"{framework:10} {name or 'sees no accelerator'}", flush=True)
    if not names[TAKES_IT]:
        print(f"{TAKES_IT} sees no accelerator here, so nothing was run on one.")
        return 1
    if not command:
        return 0
    return subprocess.run(command, cwd=ROOT, env=os.environ | SETTINGS).returncode


if __name__ == "__main__":
    sys.exit(main())
