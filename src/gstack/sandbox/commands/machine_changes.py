"""Changes of a machine: its name, groups, details, size, keys, root volume."""

from __future__ import annotations

from typing import Any

from gstack.sandbox import limits, machines, nics, volumes
from gstack.sandbox.commands import instance_groups
from gstack.sandbox.commands.deploy import NAME, key_details, named_groups, sizes_of
from gstack.sandbox.commands.user_data import GET_LIMIT, USER_DATA_LIMIT
from gstack.sandbox.errors import CloudStackError, internal, invalid, runtime
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World


@command("scaleVirtualMachine", id="virtualmachine")
@command("resetSSHKeyForVirtualMachine", id="virtualmachine")
@command("resetPasswordForVirtualMachine", id="virtualmachine")
def change(call: Call) -> Job:
    return Job("VirtualMachine", call.args["id"], queue=call.args["id"])


@command("restoreVirtualMachine", virtualmachineid="virtualmachine")
def restore(call: Call) -> Job:
    identity = call.args["virtualmachineid"]
    return Job("VirtualMachine", identity, queue=identity)


def _machine(call: Call) -> Row:
    return call.entity("virtualmachine", "id")


def _answer(world: World, row: Row) -> Answer:
    return {"virtualmachine": machines.view(world, row)}


@command("updateVirtualMachine", id="virtualmachine", securitygroupids="securitygroup")
def update(call: Call) -> Answer:
    row, args = _machine(call), call.args
    changes: dict[str, Any] = {
        field: args[field] for field in ("displayname", "deleteprotection", "ostypeid") if field in args
    }
    if args.get("group"):
        changes["groupid"] = instance_groups.named(call.world, args["group"], row["accountid"])["id"]
    changes |= _renamed(call, row) | _regrouped(call, row) | _user_data(call) | _details(call)
    return {"virtualmachine": machines.view(call.world, call.world.update("virtualmachine", row["id"], **changes))}


def _renamed(call: Call, row: Row) -> Row:
    name = call.args.get("name")
    if name is None:
        return {}
    if not NAME.fullmatch(name):
        raise invalid(
            "Invalid name. Vm name can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the "
            "hyphen ('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" and can't "
            "start with digit"
        )
    reached = [call.world.one("network", nic["networkid"]) for nic in nics.of_machine(call.world, row["id"])]
    try:
        nics.check_host_name(call.world, reached, name, row["id"])
    except CloudStackError:
        raise internal() from None  # as measured, this command hides the reason
    return {"name": name, "hostname": name.lower()}


def _regrouped(call: Call, row: Row) -> Row:
    if "securitygroupids" not in call.args and "securitygroupnames" not in call.args:
        return {}
    groups = named_groups(call)
    if row["state"] != "Stopped" or not call.world.one("zone", row["zoneid"])["securitygroupsenabled"]:
        raise internal()
    return {"securitygroupids": groups}


def _user_data(call: Call) -> Row:
    text, registered = call.args.get("userdata"), call.optional("userdata", "userdataid")
    if text is not None and registered:
        raise invalid("Both userdata and userdata ID inputs are not allowed, please provide only one")
    if registered:
        return {"userdata": registered["userdata"], "userdataid": registered["id"]}
    if text is None:
        return {}
    if len(text) > USER_DATA_LIMIT or (call.method == "GET" and len(text) > GET_LIMIT):
        raise internal()
    return {"userdata": text, "userdataid": None}


def _details(call: Call) -> Row:
    """Return the new details; as recorded, they replace all old ones."""
    given = call.details()
    return {"details": given} if given or call.args.get("cleanupdetails") else {}


@command("changeServiceForVirtualMachine", id="virtualmachine", serviceofferingid="serviceoffering")
def change_service(call: Call) -> Answer:
    row = _machine(call)
    if row["state"] != "Stopped":
        raise invalid(
            f"Unable to upgrade virtual machine {row['name']} in state {row['state']}; make sure the virtual machine "
            "is stopped"
        )
    return _answer(call.world, _resized(call, row))


def _resized(call: Call, row: Row) -> Row:
    offering = call.entity("serviceoffering", "serviceofferingid")
    sizes = sizes_of(offering, call.details())
    more = {"cpu": sizes["cpunumber"] - row["cpunumber"], "memory": sizes["memory"] - row["memory"]}
    limits.require(call.world, call.world.one("account", row["accountid"]), **more)
    return call.world.update("virtualmachine", row["id"], serviceofferingid=offering["id"], **sizes)


@work("scaleVirtualMachine")
def scaled(call: Call) -> Answer:
    row = _machine(call)
    if row["state"] != "Stopped":
        raise runtime("Dynamically scaling Instances is disabled for this zone, please contact your admin.")
    return _answer(call.world, _resized(call, row))


@work("resetSSHKeyForVirtualMachine")
def key_reset(call: Call) -> Answer:
    row = _machine(call)
    _require_stopped(call.world, row, "SSH Key reset")
    names = call.args.get("keypairs") or [call.args.get("keypair")]
    keys = [call.world.first("sshkeypair", name=name, accountid=row["accountid"]) for name in names]
    if not all(keys):
        raise invalid(f"A key pair with name '{names[0]}' was not found.")
    found = [key for key in keys if key]
    details = {**row["details"], **key_details(found)}
    return _answer(call.world, call.world.update("virtualmachine", row["id"], details=details))


@work("resetPasswordForVirtualMachine")
def password_reset(call: Call) -> Answer:
    row = _machine(call)
    raise invalid(f"Fail to reset password for the virtual machine {row['name']}, the template is not password enabled")


def _require_stopped(world: World, row: Row, what: str) -> None:
    if row["state"] == "Stopped":
        return
    name = machines.instance_name(world, row)
    raise invalid(
        f'Vm VM instance {{"id":{row["number"]},"instanceName":"{name}","state":"{row["state"]}","type":"User",'
        f'"uuid":"{row["id"]}"}} should be stopped to do {what}'
    )


@work("restoreVirtualMachine")
def restored(call: Call) -> Answer:
    """Replace the root volume of a machine by a fresh one of its template, or of another one."""
    world, row = call.world, call.entity("virtualmachine", "virtualmachineid")
    template = world.get("template", call.args.get("templateid", row["templateid"]))
    if template is None:
        raise invalid(f"Cannot find template for VM {row['name']}")
    for volume in machines.volumes_of(world, row["id"]):
        if volume["type"] == volumes.ROOT:
            world.delete("volume", volume["id"])
            fresh = {**volume, "id": None, "templateid": template["id"], "size": template["size"]}
            volumes.new(world, **{name: value for name, value in fresh.items() if value is not None})
    return _answer(world, world.update("virtualmachine", row["id"], templateid=template["id"]))


@command("getVirtualMachineUserData", virtualmachineid="virtualmachine")
def get_user_data(call: Call) -> Answer:
    row = call.require_use(call.entity("virtualmachine", "virtualmachineid"))
    return {"virtualmachineuserdata": {"virtualmachineid": row["id"], "userdata": row.get("userdata", "")}}
