"""SSH key pairs and user data."""

from __future__ import annotations

from typing import Any

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
