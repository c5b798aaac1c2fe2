"""Fixtures for the tests of the networks' rooms."""

from fixtures.instances import ask, fault, made, spent

__all__ = ["ask", "fault", "made", "spent"]
