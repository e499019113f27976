"""Makes everything that the library registers known to Keras as soon as Keras is there, and not before.

A saved model loads only where its layers, losses and metrics are registered, that is where their modules are imported;
and these import Keras, which starts a backend. So `import deephar` imports them at once where Keras is imported
already, and otherwise right after `import keras`.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys

MODULES = ("deephar.layers", "deephar.losses", "deephar.keras_metrics")
"""Those that register something."""


def register():
    """Import `MODULES` now, or as soon as Keras is imported."""
    if "keras" in sys.modules:
        _import_all()
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


def _import_all():
    for name in MODULES:
        importlib.import_module(name)


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds Keras like everybody else, once, with a loader that goes on to import `MODULES`."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenRegister(spec.loader)
        return spec


class _ThenRegister(importlib.abc.Loader):
    """Loads a module by its own loader, then imports `MODULES`."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        module.__loader__ = module.__spec__.loader = self._loader
        _import_all()
