"""Machines as rows: their answer, and the steps that several commands share.

A row has number (as in ROOT-54), name, hostname (lower case, for look-ups), accountid, userid, zoneid, state,
serviceofferingid, templateid, cpunumber, cpuspeed, memory, details, securitygroupids, affinitygroupids, created.
`displayname` exists only if a call gave it: otherwise CloudStack shows the name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from gstack.sandbox import nics, removal, views, volumes
from gstack.sandbox.errors import CloudStackError
from gstack.sandbox.registry import Answer
from gstack.sandbox.world import Row, World, now

DESTROYED = "Destroyed"
EXPUNGE_DELAY = timedelta(days=1)
HIDDEN_DETAILS = (
    "dataDiskController, rootDiskController, backupValidationCommandTimeout, backupValidationScreenshotWait, "
    "backupValidationBootTimeout"
)
ALL = frozenset({"all"})
# The parts that `details` may name, in CloudStack's order.
DETAILS = (
    *("all", "group", "nics", "stats", "secgrp", "tmpl", "servoff", "diskoff", "backoff", "iso", "volume", "min"),
    *("affgrp", "vnfnics"),
)
ALTERED = frozenset({"affgrp"})  # what updateVMAffinityGroup answers


def set_state(world: World, row: Row, state: str) -> Row:
    return world.update("virtualmachine", row["id"], state=state, lastupdated=now())


def instance_name(world: World, row: Row) -> str:
    """Return the hypervisor's name of a machine: `i-<account>-<machine>-VM`."""
    number = [account["id"] for account in world.all("account")].index(row["accountid"]) + 1
    return f"i-{number}-{row['number']}-VM"


def volumes_of(world: World, machine_id: str) -> list[Row]:
    return world.find("volume", virtualmachineid=machine_id)


def start(world: World, row: Row) -> Row:
    """Start a machine with its networks, addresses and volumes."""
    for nic in nics.of_machine(world, row["id"]):
        nics.implement(world, world.one("network", nic["networkid"]))
        nics.plug(world, nic)
    for volume in volumes_of(world, row["id"]):
        world.update("volume", volume["id"], state="Ready")
    _require_root(world, row)
    details = {name: value for name, value in row["details"].items() if name != "deployvm"}
    # As recorded, a machine that was started twice shows no boot mode.
    again = {"hiddendetails": True} if row.get("started") else {}
    world.update("virtualmachine", row["id"], details=details, started=True, **again)
    return set_state(world, row, "Running")


def stop(world: World, row: Row) -> None:
    """Take a machine off its isolated networks; it keeps its addresses."""
    for nic in nics.of_machine(world, row["id"]):
        nics.unplug(world, nic)


def _require_root(world: World, row: Row) -> None:
    if not any(volume["type"] == volumes.ROOT for volume in volumes_of(world, row["id"])):
        raise CloudStackError(
            530, f"Unable to start VM {row['name']}: it has no root volume. Attach it with deviceid=0."
        )


def forget(world: World, row: Row) -> None:
    """Expunge a machine with its name, NICs, addresses, root volume and tags."""
    for nic in nics.of_machine(world, row["id"]):
        nics.free(world, nic)
    for volume in volumes_of(world, row["id"]):
        if volume["type"] == volumes.ROOT:
            removal.remove(world, "volume", volume["id"])
    removal.machine(world, row["id"])
    removal.remove(world, "virtualmachine", row["id"])


def expunge_old(world: World) -> None:
    """Expunge the machines that were destroyed, or failed to deploy, a day ago (CloudStack's `expunge.delay`)."""
    limit = (datetime.now(UTC) - EXPUNGE_DELAY).strftime("%Y-%m-%dT%H:%M:%S+0000")
    with world.transaction():
        for state in (DESTROYED, "Error"):
            for row in world.find("virtualmachine", state=state):
                if str(row.get("lastupdated", row["created"])) < limit:
                    forget(world, row)


def viewer(details: Collection[str] = ALL, *, userdata: bool = False) -> Callable[[World, Row], Answer]:
    """Return a view that shows the parts named by `details`, as listVirtualMachines takes them."""
    return lambda world, row: view(world, row, frozenset(details), userdata=userdata)


def view(world: World, row: Row, details: Collection[str] = ALL, *, userdata: bool = False) -> Answer:
    def has(*names: str) -> bool:
        return "all" in details or any(name in details for name in names)

    shown = _identity(world, row, has)
    if has("tmpl"):
        shown |= _template(world, row)
    if has("iso"):
        shown |= {"isos": [], "isomaxcount": 1}
    if has("servoff"):
        offering = world.one("serviceoffering", row["serviceofferingid"])
        shown |= {"serviceofferingid": offering["id"], "serviceofferingname": offering["name"]}
    if has("diskoff") and "diskofferingid" in row:
        disk = world.one("diskoffering", row["diskofferingid"])
        shown |= {"diskofferingid": disk["id"], "diskofferingname": disk["name"]}
    if has("servoff", "stats"):
        shown |= {field: row[field] for field in ("cpunumber", "cpuspeed", "memory")}
    shown["guestosid"] = row["ostypeid"]
    if has("volume"):
        shown |= _root(world, row)
    shown["securitygroup"] = _groups(world, row) if has("secgrp") else []
    shown |= _network(world, row) if has("nics") else {"nic": [], "hypervisor": "Simulator"}
    return {**shown, **_rest(world, row, userdata=userdata)}


def _identity(world: World, row: Row, has: Callable[..., bool]) -> Answer:
    shown: Answer = {"id": row["id"], "name": row["name"], "displayname": row.get("displayname", row["name"])}
    owner = views.owner(world, row)
    who = {name: value for name, value in owner.items() if not name.startswith("domain")}
    user = {"userid": row["userid"], "username": world.one("user", row["userid"])["username"]}
    domain = {name: value for name, value in owner.items() if name.startswith("domain")}
    shown |= {**who, **user, **domain, "created": row["created"]}
    shown |= {"lastupdated": row["lastupdated"]} if "lastupdated" in row else {}
    shown |= {"state": row["state"], "haenable": False}
    group = world.get("instancegroup", row.get("groupid"))
    shown |= {"groupid": group["id"], "group": group["name"]} if group and has("group") else {}
    shown |= views.zone(world, row)
    shown |= {"hostcontrolstate": "Enabled"} if row["state"] == "Running" else {}
    return shown


def _template(world: World, row: Row) -> Answer:
    template = world.get("template", row.get("templateid")) or row["templatefacts"]
    return {
        "templateid": template["id"],
        "templatename": template["name"],
        "templatetype": template["templatetype"],
        "templateformat": template["format"],
        "templatedisplaytext": template["displaytext"],
        "passwordenabled": template.get("passwordenabled", False),
    }


def _root(world: World, row: Row) -> Answer:
    roots = [volume for volume in volumes_of(world, row["id"]) if volume["type"] == "ROOT"]
    return {"rootdeviceid": 0, "rootdevicetype": "ROOT"} if roots else {}


def _groups(world: World, row: Row) -> list[Answer]:
    groups = [world.get("securitygroup", identity) for identity in row["securitygroupids"]]
    return [_group(world, group) for group in groups if group]


def _group(world: World, group: Row) -> Answer:
    shown: Answer = {"id": group["id"], "name": group["name"]}
    shown |= {"description": group["description"]} if "description" in group else {}
    account = views.account_or_project(world, world.one("account", group["accountid"]))
    return {**shown, **account, "ingressrule": [], "egressrule": [], "tags": [], "virtualmachineids": []}


def _network(world: World, row: Row) -> Answer:
    cards = nics.of_machine(world, row["id"])
    shown: Answer = {"nic": [nics.view(world, card) for card in cards], "hypervisor": "Simulator"}
    first = next((card for card in cards if card["isdefault"]), None)
    if first and "ipaddress" in first:
        shown["ipaddress"] = first["ipaddress"]
    return shown | _static_nat(world, row)


def _static_nat(world: World, row: Row) -> Answer:
    address = next(iter(world.find("publicip", virtualmachineid=row["id"])), None)
    return {"publicipid": address["id"], "publicip": address["ipaddress"]} if address else {}


def _rest(world: World, row: Row, *, userdata: bool) -> Answer:
    ostype = world.one("ostype", row["ostypeid"])
    groups = [world.get("affinitygroup", identity) for identity in row["affinitygroupids"]]
    shown: Answer = {"details": row["details"], "readonlydetails": HIDDEN_DETAILS}
    keypairs = row["details"].get("SSH.KeyPairNames")
    shown |= {"keypairs": keypairs} if keypairs else {}
    shown["affinitygroup"] = [_affinity(world, group) for group in groups if group]
    shown |= {"userdata": row["userdata"]} if userdata and "userdata" in row else {}
    registered = world.get("userdata", row.get("userdataid"))
    shown |= {"userdataid": registered["id"], "userdataname": registered["name"]} if registered else {}
    shown |= {"isdynamicallyscalable": False, "deleteprotection": row.get("deleteprotection", False)}
    shown |= {"ostypeid": ostype["id"], "osdisplayname": ostype["description"]}
    if row["state"] == "Running" and not row["details"] and not row.get("hiddendetails"):
        shown |= {"bootmode": "legacy", "boottype": "Bios"}  # as recorded, hidden if there are details
    shown |= {"pooltype": "NetworkFilesystem"} if row.get("started") and _root(world, row) else {}
    shown |= {"receivedbytes": 0, "sentbytes": 0, "tags": views.tags(world, row["id"])}
    return {**shown, "hasannotations": False}


def _affinity(world: World, group: Row) -> Answer:
    account = world.one("account", group["accountid"])
    description = {"description": group["description"]} if "description" in group else {}
    return {"id": group["id"], "name": group["name"], **description, **views.account_or_project(world, account)}
