"""How the formula tests draw their cases."""

import os

# One thread a process: the arrays are tiny, and pytest-xdist uses the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings  # noqa: E402

import threeways  # noqa: E402, F401 - before any framework: it silences TensorFlow

# The same 100 cases on every run, so that a red test is red for everybody.
# `pytest --hypothesis-profile=explore` draws new ones, and ten times as many.
settings.register_profile("book", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("book")
