"""instances.addAccessConfig, deleteAccessConfig and updateAccessConfig <-> static NAT to an interface.

Without `natIP` an ephemeral address is taken, and freed when the access config goes. An address that the account holds
may be named where it is only reserved, or in the interface's own VPC or network; it stays the account's. In zones with
security groups the guest address is the external one: an access config only shows it, and cannot be taken away.
CloudStack gives a machine one static NAT.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances import reserved_addresses
from gstack.resources.compute.instances.interface import network_of, shown, wanted_nic
from gstack.resources.compute.instances.reserved_addresses import Held
from gstack.resources.compute.instances.subject import Subject, begin, check_settled, wanted
from gstack.resources.compute.instances.to_gce import EXTERNAL_NAME
from gstack.resources.inventory.machines import Nic
from gstack.resources.shared import refused as policy
from gstack.resources.steps import addresses as external_addresses
from gstack.resources.steps.creation import write_down

_REFUSED = {name: why for name, why in policy.ACCESS.items() if name != "natIP"}
_NO_NAT = "CloudStack has no static NAT in this network: the internal address is the only one."
_GUEST = "in this zone the guest address itself is the external address. CloudStack has no other one to give"


@serves("compute.instances.addAccessConfig")
async def add_access_config(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_settled(call, subject)
    policy.refuse(call.body, _REFUSED, "accessConfig")
    nic = wanted_nic(subject, call.params["networkInterface"], "networkInterface")
    if (await shown(call, subject, nic)).get("accessConfigs"):
        raise Problem.invalid("accessConfig", "At most one access config currently supported.")
    found, holds = await _asked(call, subject, nic, call.body)
    args = {"nic_id": nic.id, "external": call.body.get("name") or EXTERNAL_NAME, **found}
    return await begin(call, add, subject, args, holds=holds)


async def _asked(
    call: Call, subject: Subject, nic: Nic, config: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the address is to be: the args of `give`, and the name to hold of an address that the account holds."""
    wish = config.get("natIP", "")
    if subject.location.security_groups:
        if wish not in {"", nic.ipaddress}:
            raise Problem.unsupported("accessConfig.natIP", f"{_GUEST}.")
        return {}, ()
    network = await network_of(call, nic)
    if not network.place:
        raise Problem.unsupported("accessConfig", _NO_NAT)
    check_alone(subject, "accessConfig")
    args = {"place": network.place, "network_id": network.id}
    if not wish:
        return args, ()
    held = await reserved_addresses.find(call, subject.location, network.place, wish, "accessConfig.natIP")
    return {**args, "held": msgspec.to_builtins(held)}, (held.hold,)


def check_alone(subject: Subject, field: str) -> None:
    """400 where an interface of the machine has an external address already."""
    if other := next((one.publicip for one in subject.machine.nic if one.publicip), ""):
        why = f"CloudStack gives a machine one external address, and it has {other} on another interface."
        raise Problem.unsupported(field, why)


@serves("compute.instances.deleteAccessConfig")
async def delete_access_config(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_settled(call, subject)
    nic = wanted_nic(subject, call.params["networkInterface"], "networkInterface")
    await _check_name(call, subject, nic, call.params["accessConfig"])
    if subject.location.security_groups:
        raise Problem.unsupported("accessConfig", f"{_GUEST}, so it cannot be taken away. Firewalls can close it.")
    return await begin(call, delete, subject, {"nic_id": nic.id})


@serves("compute.instances.updateAccessConfig")
async def update_access_config(call: Call) -> dict[str, Any]:
    """A patch. Nothing of an access config can change here, so it is DONE where nothing is to change."""
    subject = await wanted(call)
    policy.refuse(call.body, _REFUSED, "accessConfig")
    nic = wanted_nic(subject, call.params["networkInterface"], "networkInterface")
    there = await _check_name(call, subject, nic, call.body.get("name"))
    if call.body.get("natIP", there["natIP"]) != there["natIP"]:
        why = "an address is not changed in place, on GCE neither. Delete the access config and add another."
        raise Problem.unsupported("accessConfig.natIP", why)
    return await begin(call, leave, subject, {})


async def _check_name(call: Call, subject: Subject, nic: Nic, name: str | None) -> Mapping[str, Any]:
    """The access config of the interface; 400 where it has none of this name (None: whichever)."""
    for config in (await shown(call, subject, nic)).get("accessConfigs", []):
        if name in {None, config["name"]}:
            found: Mapping[str, Any] = config
            return found
    raise Problem.invalid("accessConfig", f"'{name or ''}'. The network interface has no access config of this name.")


@work("instances.addAccessConfig")
async def add(op: Op) -> None:
    """Give the interface its address, and keep the name of the access config."""
    await give(op, "address")
    await keep_name(op, op.args["external"])


async def give(op: Op, step: str) -> None:
    """Give the interface its address by the args `place` and `network_id`, and `held` for one that is not ephemeral."""
    place, machine_id = op.args.get("place"), op.args["machine_id"]
    if not place:
        return
    if op.args.get("held"):
        held = msgspec.convert(op.args["held"], Held)
        await reserved_addresses.use(op, step, place, op.args["network_id"], held, machine_id)
    else:
        await external_addresses.give(op, step, place, op.args["network_id"], machine_id)


@work("instances.deleteAccessConfig")
async def delete(op: Op) -> None:
    """Take the address from the machine, which has one at most; an ephemeral one is freed."""
    await external_addresses.free(op, "address", op.args["machine_id"])
    await keep_name(op, "")


@work("instances.updateAccessConfig")
async def leave(op: Op) -> None:
    """Leave the access config as it is: an operation all the same, as on GCE."""


async def keep_name(op: Op, name: str) -> None:
    """Write down how the access config of the interface is called; empty: it has none."""
    machine_id, nic_id = op.args["machine_id"], op.args["nic_id"]

    async def joined() -> dict[str, str]:
        known = (await op.sidecar.facts([machine_id])).get(machine_id, {}).get("externals", {})
        return {**known, nic_id: name}

    names = await op.decide("names", joined)
    await write_down(op, "facts", machine_id, op.args["kind"], {"externals": names})
