"""A CloudStack of our own: it speaks CloudStack's HTTP API and keeps its machines in one SQLite file.

Nothing here knows of Compute Engine, and nothing outside of this package imports it but the commands that start it:
it is reached over HTTP, as any CloudStack. How to add a command: see `gstack.sandbox.registry`.
"""
