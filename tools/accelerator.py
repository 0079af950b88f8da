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
from collections.abc import Collection

from tools.notebooks import ROOT

QUESTIONS = {
    "PyTorch": """
import threeways, torch
device = threeways.use_accelerator()
if device.type == "cuda":
    print(torch.cuda.get_device_name())
elif device.type != "cpu":
    print(device.type)
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
"""Programs that print the accelerator's name, if a framework sees one and takes it."""

COMPUTES = {
    "pytorch": "PyTorch",
    "tensorflow": "TensorFlow",
    "keras on tensorflow": "TensorFlow",
    "keras on torch": "PyTorch",
    "keras on jax": "JAX",
}
"""The framework that does the computing of each edition."""

STAY = {
    "foundations/tensors": "its memory is NumPy's, too; a section is on devices",
    "practice/beyond_one_machine": "processes that share the cores of one machine",
    "practice/choosing_a_framework": "every timing is of the processor",
    "practice/data_pipelines": "all of it happens before a batch reaches a device",
    "practice/deployment": "programs for machines without an accelerator",
    "reference/the_articles_executed": "the articles' code, as it stands there",
}
"""Chapters whose PyTorch stays on the processor, and why."""

SEEN_BY = "ACCELERATOR_SEEN_BY"
"""The environment variable that tells tests which frameworks see the accelerator."""


def seen() -> dict[str, str]:
    """Return the name that each framework gives the accelerator; '' if it sees none."""
    names = {}
    for framework, question in QUESTIONS.items():
        said = subprocess.run(
            [sys.executable, "-c", question],
            env=_environment(),
            capture_output=True,
            text=True,
        )
        names[framework] = said.stdout.strip().rpartition("\n")[2]
    return names


def on_accelerator(chapter: str, edition: str | None, seen_by: Collection[str]) -> bool:
    """Return whether an edition, or the whole chapter (None), computes on it.

    That is so if all its frameworks are among those that see the accelerator, and
    PyTorch's edition goes there at all.
    """
    if edition == "pytorch" and chapter in STAY:
        return False
    needed = {COMPUTES[edition]} if edition else {"PyTorch", "TensorFlow"}
    return needed <= {*seen_by}


def left_on_the_processor(chapter: str, edition: str) -> bool:
    """Return whether tests are on an accelerator, and this edition wouldn't be.

    Always false unless :func:`main` started the tests.
    """
    seen_by = os.environ.get(SEEN_BY)
    return seen_by is not None and not on_accelerator(chapter, edition, seen_by.split())


def _environment():
    # Imported here: building the book takes names from this module, without threeways,
    # and what threeways sets must reach other tests by the notebooks' own import.
    from threeways.devices import SETTINGS

    return SETTINGS | os.environ


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
        env=_environment() | {SEEN_BY: seen_by},
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
