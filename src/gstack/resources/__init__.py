"""Google's collections, on the four floors that docs/architecture.md shows.

`load` imports every module, so a new file is enough to serve a new collection.
"""

import importlib
import pkgutil


def load() -> None:
    """Import every module of the package, to register its methods and works."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)
