"""Let TensorFlow start without its log, and without crashing PyTorch later."""

import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import sys
import tempfile


def prepare_tensorflow():
    """Prepare for ``import tensorflow``: no log on stderr, start-up lines included.

    ``TF_CPP_MIN_LOG_LEVEL`` silences TensorFlow once its logging is set up. The lines
    before that (oneDNN, CUDA, absl) come from C++ while ``import tensorflow`` runs and
    heed no setting, so an import hook points file descriptor 2 elsewhere for just that
    import. If the import fails, everything it said is shown. Values that the reader has
    set are left alone; ``TF_CPP_MIN_LOG_LEVEL=0`` lets the log through.

    The hook also imports Triton first, where it is installed: see :func:`_load_triton`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not any(isinstance(finder, _PreparedImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PreparedImport())


def _load_triton():
    """Import Triton if it is there: after TensorFlow it would crash Python.

    TensorFlow 2.20 and later offer their copy of LLVM to all libraries loaded after
    them, and Triton 3.7 dies of it (tensorflow/tensorflow#124205). PyTorch's builds for
    CUDA bring Triton along, and load it with the first optimiser. It costs 0.2 s here.
    """
    with contextlib.suppress(ImportError):
        importlib.import_module("triton")


class _PreparedImport(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Find ``tensorflow`` as usual, and load it with file descriptor 2 set aside."""

    _searching = False

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow" or self._searching:
            return None
        self._searching = True  # the search below asks every finder, this one too
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        # TensorFlow looks at its own loader and spec: give it back the real one.
        module.__loader__ = module.__spec__.loader = self._loader
        _load_triton()
        if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
            self._loader.exec_module(module)
        else:
            self._load_quietly(module)
        if os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":  # see threeways/devices.py
            module.config.experimental.enable_tensor_float_32_execution(False)

    def _load_quietly(self, module):
        sys.stderr.flush()
        stderr = os.dup(2)
        with tempfile.TemporaryFile() as said:
            os.dup2(said.fileno(), 2)
            try:
                self._loader.exec_module(module)
            except BaseException:
                said.seek(0)
                os.write(stderr, said.read())
                raise
            finally:
                os.dup2(stderr, 2)
                os.close(stderr)
