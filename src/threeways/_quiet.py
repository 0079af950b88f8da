"""Keep TensorFlow's start-up log out of the reader's notebook."""

import importlib.abc
import importlib.util
import os
import sys
import tempfile


def quiet_tensorflow():
    """Silence the log that TensorFlow writes to stderr, its start-up lines included.

    ``TF_CPP_MIN_LOG_LEVEL`` silences TensorFlow once its logging is set up. The lines
    before that (oneDNN, CUDA, absl) come from C++ while ``import tensorflow`` runs and
    heed no setting, so an import hook points file descriptor 2 elsewhere for just that
    import. If the import fails, everything it said is shown. Values that the reader has
    set are left alone; ``TF_CPP_MIN_LOG_LEVEL=0`` switches all of this off.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hooked = any(isinstance(finder, _QuietImport) for finder in sys.meta_path)
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] != "0" and not hooked:
        sys.meta_path.insert(0, _QuietImport())


class _QuietImport(importlib.abc.MetaPathFinder, importlib.abc.Loader):
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
