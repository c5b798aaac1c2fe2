"""Google's collections, on four floors: docs/architecture.md shows them.

`load` imports every module, so a new file is enough to serve a new collection.
"""

import importlib
import pkgutil


def load() -> None:
    """Import every module of the package, which registers the methods and works that it holds."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)
