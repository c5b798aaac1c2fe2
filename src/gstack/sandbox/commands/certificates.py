"""Certificates of balancers: uploaded, assigned to one rule at a time, deleted when unused."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gstack.sandbox import views
from gstack.sandbox.errors import CloudStackError, invalid, runtime
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World


@command("uploadSslCert")
def upload(call: Call) -> Answer:
    """Store a certificate. Names need not be unique. Unlike CloudStack, do not check that the key belongs to it."""
    args = call.args
    try:
        fingerprint = x509.load_pem_x509_certificate(args["certificate"].encode()).fingerprint(hashes.SHA256())
    except ValueError:
        raise runtime("Error parsing certificate data") from None
    try:
        load_pem_private_key(args["privatekey"].encode(), (args["password"].encode() if "password" in args else None))
    except (ValueError, TypeError):
        raise runtime("Cannot parse private key") from None
    row: Row = {field: args[field] for field in ("name", "certificate", "certchain") if field in args}
    row |= {"fingerprint": fingerprint.hex(":").upper(), "accountid": call.owner["id"]}
    return {"sslcert": to_certificate(call.world, call.world.put("sslcert", row))}


@command("listSslCerts", certid="sslcert", lbruleid="loadbalancer", accountid="account")
def list_certificates(call: Call) -> Answer:
    """Return one certificate, or those of an account or a balancer rule; 530 if the call names none of them."""
    args = call.args
    rows = call.world.find("sslcert", accountid=call.owner["id"])
    if "certid" in args:
        rows = [row for row in rows if row["id"] == args["certid"]]
    elif "lbruleid" in args:
        rows = [row for row in rows if row.get("lbruleid") == args["lbruleid"]]
    elif "accountid" not in args and "projectid" not in args:
        raise _hidden()
    return {"count": len(rows), "sslcert": [to_certificate(call.world, row) for row in rows]} if rows else {}


def _hidden() -> CloudStackError:
    return CloudStackError(530, "Internal error executing command, please contact your system administrator", 0)


@command("deleteSslCert", id="sslcert")
def delete(call: Call) -> Answer:
    if "lbruleid" in call.entity("sslcert", "id"):
        raise _hidden()  # in use
    call.world.delete("sslcert", call.args["id"])
    return {"success": True}


@command("assignCertToLoadBalancer", lbruleid="loadbalancer", certid="sslcert")
@command("removeCertFromLoadBalancer", lbruleid="loadbalancer")
def change(_call: Call) -> Job:
    return Job()


@work("assignCertToLoadBalancer")
def assigned(call: Call) -> Answer:
    rule = call.entity("loadbalancer", "lbruleid")
    if rule.get("protocol") != "ssl":
        raise invalid("Unable to assign a certificate to a load balancer rule whose protocol is not ssl")
    if call.world.find("sslcert", lbruleid=rule["id"]) and not call.args.get("forced"):
        raise invalid("Another certificate is already bound to the load balancer rule")
    for old in call.world.find("sslcert", lbruleid=rule["id"]):
        call.world.update("sslcert", old["id"], lbruleid=None)
    call.world.update("sslcert", call.args["certid"], lbruleid=rule["id"])
    return {"success": True}


@work("removeCertFromLoadBalancer")
def removed(call: Call) -> Answer:
    row = call.world.first("sslcert", lbruleid=call.args["lbruleid"])
    if row is None:
        raise invalid("No certificate is bound to the load balancer rule")
    call.world.update("sslcert", row["id"], lbruleid=None)
    return {"success": True}


def to_certificate(world: World, row: Row) -> Answer:
    owner = {name: value for name, value in views.owner(world, row).items() if name != "domainpath"}
    shown: Answer = {"id": row["id"], "certificate": row["certificate"], **owner, "fingerprint": row["fingerprint"]}
    shown |= {"certchain": row["certchain"]} if "certchain" in row else {}
    shown |= {"loadbalancerrulelist": [row["lbruleid"]]} if "lbruleid" in row else {}
    return {**shown, "name": row["name"]}
