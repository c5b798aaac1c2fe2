"""Registered user data."""

from __future__ import annotations

from typing import Any


def test_registered_user_data(demo: Any) -> None:
    """Registered user data is listed as it was sent; text that is no base64 is 431."""
    demo.ok("registerUserData", name="init", userdata="I2Nsb3VkLWNvbmZpZwo=")
    assert demo.ok("listUserData", name="init")["userdata"][0]["userdata"] == "I2Nsb3VkLWNvbmZpZwo="
    assert demo.failure("registerUserData", name="odd", userdata="###")[0] == 431
