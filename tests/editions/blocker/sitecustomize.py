"""Hide top-level packages from Python: those that BLOCKED_PACKAGES names.

Python imports this module as it starts, in every process that has the folder on its
PYTHONPATH. A hidden package is missing just as if it had never been installed: import
raises ModuleNotFoundError, ``importlib.util.find_spec`` returns None.
"""

import os
from importlib.machinery import PathFinder

_blocked = set(os.environ.get("BLOCKED_PACKAGES", "").split())
_find_spec = PathFinder.find_spec


@classmethod  # as the original: others hold it as a bound method
def _find_other_spec(cls, name, path=None, target=None):
    return None if name in _blocked else _find_spec(name, path, target)


PathFinder.find_spec = _find_other_spec
