"""Loading a vendor's package by parts: what its `__init__` files name is imported when it is first asked for.

The `anthropic` package names all of its 2,900 modules in them, and a worker uses a third: loading those alone
takes half the time and a third of the memory (docs/decisions/0039-a-package-by-parts.md).
"""

import ast
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec, resolve_name
from types import ModuleType

Sources = dict[str, tuple[str, str]]  # of each name, the module that has it and its name there


def load_by_parts(package: str) -> None:
    """Load a package, and those inside it, by parts from now on; no name that it has is missing by that."""
    sys.meta_path.insert(0, _Finder(package))


class _Finder(MetaPathFinder):
    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find what the usual way finds; let an `__init__` be read instead of run."""
        if name.split(".", 1)[0] != self._package:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.submodule_search_locations and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _ByParts(spec.loader)
        return spec


class _ByParts(Loader):
    def __init__(self, whole: SourceFileLoader) -> None:
        self._whole = whole

    def exec_module(self, module: ModuleType) -> None:
        """Import only what would be hidden by the module it comes from; the rest when it is asked for."""
        sources = _sources(self._whole.get_source(module.__name__) or "", module.__name__)

        def fetch(name: str) -> object:
            if name.startswith("__") and name != "__all__":  # what a star asks for first
                raise AttributeError(name)
            inside = f"{module.__name__}.{name}"
            if name in sources:
                setattr(module, name, _import(*sources[name]))
            elif find_spec(inside) is not None:
                import_module(inside)
            else:  # made by what else the file does
                self._whole.exec_module(module)
            if name not in vars(module):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            return vars(module)[name]

        module.__getattr__ = fetch  # type: ignore[method-assign]
        for name, (source, there) in sources.items():
            if there and source == f"{module.__name__}.{name}":
                fetch(name)


def _sources(text: str, package: str) -> Sources:
    """Return what a package's `__init__` imports from the package itself, its place known by leading dots."""
    found: Sources = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            source = resolve_name("." * node.level + (node.module or ""), package)
            for name in node.names:
                inside = (f"{source}.{name.name}", "") if source == package else (source, name.name)
                found[name.asname or name.name] = inside
    return found


def _import(module: str, name: str) -> object:
    """Return what `from module import name` does; a module without a name is meant itself."""
    return getattr(import_module(module), name) if name else import_module(module)
