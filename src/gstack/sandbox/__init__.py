"""A CloudStack of our own: it speaks CloudStack's HTTP API and keeps its state in one SQLite file.

Nothing here knows about Compute Engine. Only the commands that start the sandbox import it: everything else reaches it
over HTTP, like any CloudStack. `gstack.sandbox.registry` explains how to add a command.
"""
