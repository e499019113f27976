"""Registers everything in deephar with Keras on a single import, which may precede Keras' own.

Keras looks up a saved model's classes by their registered names and does not import modules for them. So importing
deephar, or any module of it, also imports the modules that register classes: at once if Keras is already imported,
otherwise as soon as it is. The only way to be notified of that in Python is a finder, here one that finds nothing.
"""

import importlib
import importlib.machinery
import sys
import types
from collections.abc import Sequence

MODULES = ("keras_metrics", "layers", "losses")
"""The modules that register something, directly or through their imports."""


def register() -> None:
    """Register everything in deephar with Keras: now if Keras is imported, otherwise once it is."""
    if "keras" in sys.modules:
        _import_all()
    elif not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())


def _import_all() -> None:
    for name in MODULES:
        importlib.import_module(f"deephar.{name}")


class _Watch:
    """Finder that delegates to the others and detects when the import of Keras has finished.

    If a module of deephar imports Keras, that module must be complete before others import it: the outermost import is
    the one that counts.
    """

    def __init__(self) -> None:
        self.running: list[types.ModuleType] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "keras" and not name.startswith("deephar."):
            return None
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._watched(spec.loader)
        return spec

    def _watched(self, loader):
        execute = loader.exec_module

        def exec_module(module):
            del loader.exec_module  # restore the loader
            self.running.append(module)
            try:
                execute(module)
            finally:
                self.running.remove(module)
            if not self.running and "keras" in sys.modules and self in sys.meta_path:
                sys.meta_path.remove(self)
                _import_all()

        return exec_module
