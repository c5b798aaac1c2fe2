"""A CloudStack of our own: it speaks CloudStack's HTTP API and keeps its state in one SQLite file.

Nothing here knows of Compute Engine, and only the commands that
start it import it: everything else reaches it over HTTP, like any CloudStack. `gstack.sandbox.registry` explains how
to add a command.
"""
