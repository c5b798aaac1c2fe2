"""The heart: one module per collection of Google's. `load` imports them all by itself: a new file is enough."""

import importlib
import pkgutil


def load() -> None:
    """Import every module in this folder and its folders, which registers what they serve and their work."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)
