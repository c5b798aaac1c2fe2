"""SSH key pairs, user data, API key pairs."""

from __future__ import annotations

from typing import Any

from gstack.sandbox.server import ThreadedSandbox
from gstack.sandbox.settings import AccountKeys

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8mMPAtQ3rFzmxvVUQYE1Kz8CTVqJCM3cEbZo0yM0yV someone@here"


def test_public_keys(demo: Any) -> None:
    """A good public key is kept with its fingerprint; a bad one, and a name that is taken, are 431."""
    pair = demo.ok("registerSSHKeyPair", name="mine", publickey=PUBLIC)["keypair"]
    assert len(pair["fingerprint"].split(":")) == 16
    assert demo.failure("registerSSHKeyPair", name="bad", publickey="not a key") == (431, "Public key is invalid")
    assert demo.failure("registerSSHKeyPair", name="mine", publickey=PUBLIC)[0] == 431


def test_key_pair_is_deleted_by_name(demo: Any) -> None:
    """A made pair shows its private half once, and is gone after its deletion."""
    made = demo.ok("createSSHKeyPair", name="short-lived")["keypair"]
    assert made["privatekey"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert "privatekey" not in demo.ok("listSSHKeyPairs", name="short-lived")["sshkeypair"][0]
    demo.ok("deleteSSHKeyPair", name="short-lived")
    assert demo.failure("deleteSSHKeyPair", name="short-lived")[0] == 431


def test_registered_user_data(demo: Any) -> None:
    """Registered user data is listed as it was sent; text that is no base64 is 431."""
    demo.ok("registerUserData", name="init", userdata="I2Nsb3VkLWNvbmZpZwo=")
    assert demo.ok("listUserData", name="init")["userdata"][0]["userdata"] == "I2Nsb3VkLWNvbmZpZwo="
    assert demo.failure("registerUserData", name="odd", userdata="###")[0] == 431


def test_new_api_key_pair_calls_until_it_is_deleted(demo: Any, server: ThreadedSandbox) -> None:
    """A registered pair calls at once; after its deletion it is 401."""
    user = demo.ok("listUsers")["user"][0]["id"]
    pair = demo.ok("registerUserKeys", id=user, name="second", enddate="2999-01-01")["userkeys"]
    client = type(demo)(server.url, AccountKeys("demo", pair["apikey"], pair["secretkey"], ""))
    assert client.call("listZones")[0] == 200
    demo.ok("deleteUserKeys", keypairid=pair["id"])
    assert client.call("listZones")[0] == 401


def test_foreign_keys(demo: Any, other: Any) -> None:
    """Another user's keys are 531."""
    user = demo.ok("listUsers")["user"][0]["id"]
    assert other.call("getUserKeys", id=user)[0] == 531
