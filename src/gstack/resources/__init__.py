"""The heart: one module per collection of Google's. Importing the package imports them all, which registers them."""

import importlib
import pkgutil

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
