"""Helpers that the chapters of *Deep Learning Three Ways* import.

The package holds what is *not* a chapter's subject: the checks that compare our
NumPy with the frameworks, the checks of the exercises, where PyTorch computes, and
the look of the figures (``plt.style.use("threeways.book")``). Importing it imports
NumPy and no framework.
"""

from threeways._tensorflow import prepare_tensorflow
from threeways.checking import check
from threeways.devices import prepare_accelerators, use_accelerator
from threeways.parity import agree, to_numpy

__all__ = ["agree", "check", "to_numpy", "use_accelerator"]

prepare_tensorflow()
prepare_accelerators()
