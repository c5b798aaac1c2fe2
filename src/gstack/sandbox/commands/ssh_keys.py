"""SSH key pairs: registered or generated, listed, deleted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gstack.sandbox import views
from gstack.sandbox.errors import invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World

KEY_TYPES = ("ssh-rsa", "ssh-ed25519", "ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


@command("registerSSHKeyPair")
def register_key_pair(call: Call) -> Answer:
    public = _checked_key(call.args["publickey"])
    return {"keypair": to_key_pair(call.world, _store_key(call, public))}


@command("createSSHKeyPair")
def create_key_pair(call: Call) -> Answer:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    row = _store_key(call, public.decode())
    return {"keypair": {**to_key_pair(call.world, row), "privatekey": text.decode()}}


def _checked_key(text: str) -> str:
    parts = text.split()
    try:
        if len(parts) > 1 and parts[0] in KEY_TYPES and base64.b64decode(parts[1], validate=True):
            return f"{parts[0]} {parts[1]}"
    except binascii.Error:
        pass
    raise invalid("Public key is invalid")


def _store_key(call: Call, public: str) -> Row:
    name = call.args["name"]
    if call.world.first("sshkeypair", name=name, accountid=call.owner["id"]):
        raise invalid(f"A key pair with name '{name}' already exists for this account.")
    return call.world.put("sshkeypair", {"name": name, "publickey": public, "accountid": call.owner["id"]})


@command("listSSHKeyPairs", id="sshkeypair")
def list_key_pairs(call: Call) -> Answer:
    rows = chosen(call, call.own_rows("sshkeypair"), "name")
    wanted = call.args.get("fingerprint")
    return page(call, "sshkeypair", [row for row in rows if wanted in (None, _fingerprint(row))], to_key_pair)


@command("deleteSSHKeyPair")
def delete_key_pair(call: Call) -> Answer:
    row = call.world.first("sshkeypair", name=call.args["name"], accountid=call.owner["id"])
    if row is None:
        raise invalid(f"A key pair with name '{call.args['name']}' does not exist for account {call.owner['name']}.")
    call.world.delete("sshkeypair", row["id"])
    return {"success": True}


def to_key_pair(world: World, row: Row) -> Answer:
    owner = {name: value for name, value in views.owner(world, row).items() if name != "domainpath"}
    fingerprint = _fingerprint(row)
    return {"id": row["id"], "name": row["name"], **owner, "fingerprint": fingerprint, "hasannotations": False}


def _fingerprint(row: Row) -> str:
    digest = hashlib.md5(base64.b64decode(row["publickey"].split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(re.findall("..", digest))
