"""One file per command of `gstack`; each has its `command`, which `cli.py` imports when it is called."""
