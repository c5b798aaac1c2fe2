"""Fixtures for the tests of resources."""

from fixtures.instances import ask, fault, made, spent
from fixtures.storage import disk

__all__ = ["ask", "disk", "fault", "made", "spent"]
