"""The Protocol of the sidecar and its implementation."""

import inspect

from gstack.db.sidecar import Sidecar
from gstack.db.sidecar_store import SidecarStore


def test_the_store_has_every_method_of_the_protocol() -> None:
    """Names and signatures are the same, so that what is written against the Protocol runs on the database."""
    wanted = {name: value for name, value in vars(Sidecar).items() if inspect.iscoroutinefunction(value)}
    assert wanted
    for name, method in wanted.items():
        assert inspect.signature(getattr(SidecarStore, name)) == inspect.signature(method)
