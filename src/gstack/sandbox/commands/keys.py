"""SSH key pairs, registered user data, and the API key pairs of a user."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gstack.sandbox import catalog, views
from gstack.sandbox.errors import denied, invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World, now

KEY_TYPES = ("ssh-rsa", "ssh-ed25519", "ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
USER_DATA_LIMIT = 32_768  # characters of base64


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


def checked_user_data(text: str) -> str:
    """Return user data as it is stored; raise 431 if it is no base64 or too long."""
    if len(text) > USER_DATA_LIMIT:
        raise invalid(f"User data has exceeded the maximum length of {USER_DATA_LIMIT} characters")
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise invalid("User data is not base64 encoded") from None
    return text


@command("registerUserData")
def register_user_data(call: Call) -> Answer:
    name, text = call.args["name"], checked_user_data(call.args["userdata"])
    if call.world.first("userdata", name=name, accountid=call.owner["id"]):
        raise invalid(f"A userdata with name {name} already exists for this account.")
    row = call.world.put("userdata", {"name": name, "userdata": text, "accountid": call.owner["id"]})
    return {"userdata": to_user_data(call.world, row)}


@command("listUserData", id="userdata")
def list_user_data(call: Call) -> Answer:
    return page(call, "userdata", chosen(call, call.own_rows("userdata"), "name"), to_user_data)


@command("deleteUserData", id="userdata")
def delete_user_data(call: Call) -> Answer:
    call.world.delete("userdata", call.args["id"])
    return {"success": True}


def to_user_data(world: World, row: Row) -> Answer:
    shown = {"id": row["id"], "name": row["name"], **views.owner(world, row)}
    return {**shown, "userdata": row["userdata"], "hasannotations": False}


@command("getUserKeys", id="user")
def get_user_keys(call: Call) -> Answer:
    pair = _pairs(call, call.args["id"])[0]
    return {"userkeys": {"apikey": pair["apikey"], "secretkey": pair["secretkey"]}}


@command("listUserKeys")
def list_user_keys(call: Call) -> Answer:
    rows = _pairs(call, str(call.args.get("userid", call.user["id"])))
    return page(call, "userapikey", rows, to_user_key)


def _pairs(call: Call, userid: str) -> list[Row]:
    if call.world.one("user", userid)["accountid"] != call.account["id"]:
        raise denied()
    return call.world.find("userkey", userid=userid)


@command("registerUserKeys", id="user")
def register_user_keys(call: Call) -> Job:
    return Job("User", call.args["id"])


@work("registerUserKeys")
def registered_user_keys(call: Call) -> Answer:
    row: Row = {
        "name": call.args.get("name", f"{call.world.next_number('userkey')} - API key pair"),
        "apikey": secrets.token_urlsafe(64),
        "secretkey": secrets.token_urlsafe(64),
        "userid": call.args["id"],
        "accountid": call.account["id"],
        "created": now(),
    }
    if "description" in call.args:
        row["description"] = call.args["description"]
    if "enddate" in call.args:
        row["enddate"] = f"{call.args['enddate'][:10]}T23:59:59+0000"
    return {"userkeys": to_user_key(call.world, call.world.put("userkey", row))}


@command("deleteUserKeys", keypairid="userkey")
def delete_user_keys(_call: Call) -> Job:
    return Job()


@work("deleteUserKeys")
def deleted_user_keys(call: Call) -> Answer:
    call.world.delete("userkey", call.args["keypairid"])
    return {"success": True}


@command("listUserKeyRules", keypairid="userkey")
def list_user_key_rules(_call: Call) -> Answer:
    """Answer that a pair may do all of the role: the sandbox does not restrict key pairs."""
    rules = [{"rule": entry.name, "permission": "allow"} for entry in catalog.entries().values()]
    return {"count": len(rules), "keypermission": rules}


def to_user_key(world: World, row: Row) -> Answer:
    account, user = world.one("account", row["accountid"]), world.one("user", row["userid"])
    role = world.all("role")[0]
    shown = {field: row[field] for field in ("name", "apikey", "secretkey", "userid")}
    shown |= {"username": user["username"], "id": row["id"]}
    shown |= {field: row[field] for field in ("description", "enddate") if field in row}
    return {
        **shown,
        "created": row["created"],
        "accounttype": "NORMAL",
        "accountid": account["id"],
        "accountname": account["name"],
        "roleid": role["id"],
        "roletype": "User",
        "rolename": role["name"],
        **views.domain(world, account),
        "state": "ENABLED",
    }
