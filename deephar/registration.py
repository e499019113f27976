"""One import is enough for Keras to know all that deephar registers, and it may come before Keras' own.

Keras looks a class of a saved model up by its registered name and imports no module for it. So importing deephar, or
any module of it, has the modules that register classes imported too: at once if Keras is there already, otherwise as
soon as it is. Python has no other way to learn of that than a finder, here one that finds nothing itself.
"""

import importlib
import importlib.machinery
import sys
import types
from collections.abc import Sequence

MODULES = ("keras_metrics", "layers", "losses")
"""The modules that register something, themselves or by what they import."""


def register() -> None:
    """Have Keras know all that deephar registers, now if Keras is imported, otherwise once it is."""
    if "keras" in sys.modules:
        _import_all()
    elif not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())


def _import_all() -> None:
    for name in MODULES:
        importlib.import_module(f"deephar.{name}")


class _Watch:
    """Finder that leaves finding to the others and notes when the import of Keras is over.

    Where a module of deephar brings Keras in, that module must be whole before others import it: the import that counts
    is the outermost one.
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
            del loader.exec_module  # the loader is as it was
            self.running.append(module)
            try:
                execute(module)
            finally:
                self.running.remove(module)
            if not self.running and "keras" in sys.modules and self in sys.meta_path:
                sys.meta_path.remove(self)
                _import_all()

        return exec_module
