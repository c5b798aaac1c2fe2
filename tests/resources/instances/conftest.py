"""Fixtures for the tests of instances."""

from fixtures.instances import ask, fault, made, spent

__all__ = ["ask", "fault", "made", "spent"]
