"""Say which frameworks see an accelerator, and run the notebooks' tests on it.

    python -m tools.accelerator            # what is there?
    python -m tools.accelerator --nbval-lax --report gpu.json

With options, which are pytest's, whatever can compute on the accelerator is run: the
editions of the frameworks that see it, and whole notebooks if PyTorch and TensorFlow
both do. Nothing else is, or a run on the processor would pass for one on a GPU. Each
framework is asked in a process of its own. The exit status is pytest's, or 1 if nothing
would compute on an accelerator.
"""

import os
import subprocess
import sys

from threeways.devices import SETTINGS
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

COMPUTES = {
    "pytorch": "PyTorch",
    "tensorflow": "TensorFlow",
    "keras on tensorflow": "TensorFlow",
    "keras on torch": "PyTorch",
    "keras on jax": "JAX",
}
"""The framework that does the computing of each edition."""

SEEN_BY = "ACCELERATOR_SEEN_BY"
"""The environment variable that tells tests which frameworks see the accelerator."""


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


def left_on_the_processor(edition: str) -> bool:
    """Return whether tests are on an accelerator that this edition's framework lacks.

    Always false unless :func:`main` started the tests.
    """
    seen_by = os.environ.get(SEEN_BY)
    return seen_by is not None and COMPUTES[edition] not in seen_by.split()


def main(arguments: list[str] | None = None) -> int:
    """Ask, say what was answered, run the tests; return the exit status."""
    options = sys.argv[1:] if arguments is None else arguments
    if options[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    names = seen()
    for framework, name in names.items():
        print(f"{framework:10} {name or 'sees no accelerator'}", flush=True)
    if not any(names.values()):
        print("No framework sees an accelerator here, so nothing was run on one.")
        return 1
    if not options:
        return 0
    tests = ["tests/editions/test_editions.py::test_edition"]
    if names.get("PyTorch") and names.get("TensorFlow"):
        tests.append("notebooks")
    seen_by = " ".join(framework for framework, name in names.items() if name)
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=ROOT,
        env=os.environ | SETTINGS | {SEEN_BY: seen_by},
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
