"""Machines after their deployment: list, start, stop, reboot, destroy."""

from __future__ import annotations

from gstack.sandbox import machines, nics, removal, volumes
from gstack.sandbox.errors import denied, invalid, runtime
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, begin, command, failure, work
from gstack.sandbox.world import Row, World

POWER = ("startVirtualMachine", "stopVirtualMachine", "rebootVirtualMachine", "destroyVirtualMachine")
UNSEEN = ("Destroyed", "Expunging")  # an ordinary user does not see them
ABSENT = ("haenable", "gpuenabled", "isvnf", "leased")  # what no machine of the sandbox is
HYPERVISOR = "Simulator"
EXACT = ("name", "state", "zoneid", "serviceofferingid", "templateid", "userid", "groupid", "userdataid")


@command("listVirtualMachines", id="virtualmachine", ids="virtualmachine", groupid="instancegroup")
def list_machines(call: Call) -> Answer:
    details = set(call.args.get("details") or machines.ALL)
    if not details <= set(machines.DETAILS):
        raise invalid(
            "The details parameter contains a non permitted value. The allowed values are "
            f"[{', '.join(machines.DETAILS)}]"
        )
    if "id" in call.args and "ids" in call.args:
        raise invalid("Specify either id or ids but not both parameters")
    exact = [name for name in EXACT if (name, call.args.get("state", "").lower()) != ("state", "present")]
    rows = [row for row in chosen(call, call.own_rows("virtualmachine"), *exact) if _is_asked_for(call, row)]
    if call.args.get("retrieveonlyresourcecount"):
        return {"count": len(rows)}
    return page(call, "virtualmachine", rows, machines.viewer(details, userdata=call.args.get("userdata", False)))


def _is_asked_for(call: Call, row: Row) -> bool:
    args = call.args
    return (
        row["state"] not in UNSEEN
        and not any(args.get(name) for name in ABSENT)
        and args.get("hypervisor", HYPERVISOR).lower() == HYPERVISOR.lower()
        and args.get("securitygroupid", None) in (None, *row["securitygroupids"])
        and args.get("affinitygroupid", None) in (None, *row["affinitygroupids"])
        and args.get("keypair") in (None, *row["details"].get("SSH.KeyPairNames", "").split(","))
        and _on_network(call, row)
    )


def _on_network(call: Call, row: Row) -> bool:
    networkid, vpcid = call.args.get("networkid"), call.args.get("vpcid")
    if networkid is None and vpcid is None:
        return True
    reached = [call.world.one("network", nic["networkid"]) for nic in nics.of_machine(call.world, row["id"])]
    return any(networkid in (None, network["id"]) and vpcid in (None, network.get("vpcid")) for network in reached)


@command("startVirtualMachine", id="virtualmachine")
@command("stopVirtualMachine", id="virtualmachine")
@command("rebootVirtualMachine", id="virtualmachine")
@command("destroyVirtualMachine", id="virtualmachine", volumeids="volume")
def power(call: Call) -> Job:
    return Job("VirtualMachine", call.args["id"], queue=call.args["id"])


def _machine(call: Call) -> Row:
    return call.entity("virtualmachine", "id")


def _going(call: Call, state: str) -> None:
    row = _machine(call)
    call.world.update("virtualmachine", row["id"], prior=row["state"], state=state)


@failure(*POWER)
def put_back(call: Call) -> None:
    """Return a machine to the state that it had before a failed job."""
    row = _machine(call)
    call.world.update("virtualmachine", row["id"], state=row.get("prior", row["state"]), prior=None)


def _answer(world: World, row: Row) -> Answer:
    row = world.update("virtualmachine", row["id"], prior=None)
    return {"virtualmachine": machines.view(world, row)}


@begin("startVirtualMachine")
def starting(call: Call) -> None:
    row = _machine(call)
    if row["state"] == "Running":
        raise invalid(f"The virtual machine {row['id']} ({row['name']}) is already running")
    if row["state"] != "Stopped":
        raise runtime(f"Unable to start a VM [{row['id']}] due to its state {row['state']}")
    _going(call, "Starting")


@work("startVirtualMachine")
def started(call: Call) -> Answer:
    return _answer(call.world, machines.start(call.world, _machine(call)))


@begin("stopVirtualMachine")
def stopping(call: Call) -> None:
    """Mark a machine as Stopping. CloudStack ignores the call, with success, for a machine that is gone."""
    row = _machine(call)
    if row["state"] not in (*UNSEEN, "Error"):
        _going(call, "Stopping")


@work("stopVirtualMachine")
def stopped(call: Call) -> Answer:
    if _machine(call)["state"] != "Stopping":
        return _answer(call.world, _machine(call))
    machines.stop(call.world, _machine(call))
    return _answer(call.world, machines.set_state(call.world, _machine(call), "Stopped"))


@begin("rebootVirtualMachine")
def rebooting(call: Call) -> None:
    row = _machine(call)
    if row["state"] != "Running":
        raise invalid(f"The VM {row['id']} ({row['name']}) is not running, unable to reboot it")
    _going(call, "Running")


@work("rebootVirtualMachine")
def rebooted(call: Call) -> Answer:
    return _answer(call.world, machines.set_state(call.world, _machine(call), "Running"))


@begin("destroyVirtualMachine")
def destroying(call: Call) -> None:
    row = _machine(call)
    if row.get("deleteprotection"):
        name = machines.instance_name(call.world, row)
        raise invalid(
            f"Instance [id = {row['id']}, name = {name}] has delete protection enabled and cannot be deleted."
        )
    if call.args.get("expunge") and not call.settings.expunge_allowed:
        raise runtime("Account does not have permission for expunging.")
    _check_volumes(call, row)
    _going(call, "Stopping" if row["state"] == "Running" else row["state"])


def _check_volumes(call: Call, row: Row) -> None:
    for identity in call.args.get("volumeids", []):
        volume = call.world.one("volume", identity)
        if volume.get("virtualmachineid") != row["id"] or volume["type"] != volumes.DATA:
            raise invalid(f"The following supplied volumes are not DATADISK attached to the VM: {volume['id']}")


@work("destroyVirtualMachine")
def destroyed(call: Call) -> Answer:
    world, row = call.world, _machine(call)
    if row["state"] == "Stopping":
        machines.stop(world, row)
    for volume in machines.volumes_of(world, row["id"]):
        if volume["type"] == volumes.DATA:
            volumes.detach(world, volume)
    for identity in call.args.get("volumeids", []):
        world.update("volume", identity, state="Destroy")
    removal.leave_balancers(world, row["id"])
    answer = _answer(world, machines.set_state(world, row, machines.DESTROYED))
    if call.args.get("expunge"):
        for identity in call.args.get("volumeids", []):
            removal.remove(world, "volume", identity)
        machines.forget(world, row)
    return answer


@command("recoverVirtualMachine", id="virtualmachine")
def recover(call: Call) -> Answer:
    if not call.settings.expunge_allowed:
        raise denied(_only_admins("Recovering"))
    row = _machine(call)
    if row["state"] != machines.DESTROYED:
        raise invalid(f"VM {row['name']} is not in state Destroyed")
    return _answer(call.world, machines.set_state(call.world, row, "Stopped"))


@command("expungeVirtualMachine", id="virtualmachine")
def expunge(call: Call) -> Job:
    return Job("VirtualMachine", call.args["id"], queue=call.args["id"])


@work("expungeVirtualMachine")
def expunged(call: Call) -> Answer:
    if not call.settings.expunge_allowed:
        raise runtime(_only_admins("Expunging"))
    row = _machine(call)
    if row["state"] not in (machines.DESTROYED, "Error"):
        raise invalid(f"Please destroy vm with specified vmId before expunge it: {row['id']}")
    machines.forget(call.world, row)
    return {"success": True}


def _only_admins(what: str) -> str:
    return f"{what} a vm can only be done by an Admin. Or when the allow.user.expunge.recover.vm key is set."
