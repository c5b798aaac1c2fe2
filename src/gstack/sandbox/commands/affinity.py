"""Affinity groups: stored and listed only, since the sandbox has no hosts."""

from __future__ import annotations

from gstack.sandbox import machines, views
from gstack.sandbox.errors import invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World

TYPES = ("host anti-affinity", "host affinity", "non-strict host anti-affinity", "non-strict host affinity")


@command("listAffinityGroupTypes")
def list_types(_call: Call) -> Answer:
    return {"count": len(TYPES), "affinityGroupType": [{"type": name} for name in TYPES]}


@command("createAffinityGroup")
def create_group(call: Call) -> Job:
    name, kind = call.args["name"], call.args["type"]
    if kind not in TYPES:
        raise invalid(f"Unable to create affinity group, invalid affinity group type{kind}")
    if call.world.first("affinitygroup", name=name, accountid=call.owner["id"]):
        raise invalid(f"Unable to create affinity group, a group with name {name} already exists.")
    row: Row = {"name": name, "type": kind, "accountid": call.owner["id"]}
    row |= {"description": call.args["description"]} if "description" in call.args else {}
    row = call.world.put("affinitygroup", row)
    return Job("AffinityGroup", answer={"id": row["id"]}, facts={"id": row["id"]})


@work("createAffinityGroup")
def created_group(call: Call) -> Answer:
    return {"affinitygroup": to_group(call.world, call.world.one("affinitygroup", call.facts["id"]))}


@command("listAffinityGroups", id="affinitygroup", virtualmachineid="virtualmachine")
def list_groups(call: Call) -> Answer:
    rows = chosen(call, call.own_rows("affinitygroup"), "name", "type")
    machine = call.optional("virtualmachine", "virtualmachineid")
    if machine:
        rows = [row for row in rows if row["id"] in machine["affinitygroupids"]]
    return page(call, "affinitygroup", rows, to_group)


@command("deleteAffinityGroup", id="affinitygroup")
def delete_group(call: Call) -> Job:
    return Job("AffinityGroup", facts={"id": _named(call)["id"]})


@work("deleteAffinityGroup")
def deleted_group(call: Call) -> Answer:
    """Delete a group; its machines leave it, as recorded."""
    call.world.delete("affinitygroup", call.facts["id"])
    return {"success": True}


@command("updateVMAffinityGroup", id="virtualmachine", affinitygroupids="affinitygroup")
def update_groups_of_machine(call: Call) -> Job:
    return Job(queue=call.args["id"])


@work("updateVMAffinityGroup")
def updated_groups_of_machine(call: Call) -> Answer:
    """Put a stopped machine into other groups; the list replaces the old one."""
    row = call.entity("virtualmachine", "id")
    if row["state"] != "Stopped":
        raise invalid(
            f"Unable update affinity groups of the virtual machine {row['name']} in state {row['state']}; make sure "
            "the virtual machine is stopped and not in an error state before updating."
        )
    names = call.args.get("affinitygroupnames", [])
    groups = [call.world.first("affinitygroup", name=name, accountid=call.owner["id"]) for name in names]
    if not all(groups):
        raise invalid(f"Unable to find group by name {names}")
    identities = [*call.args.get("affinitygroupids", []), *(group["id"] for group in groups if group)]
    row = call.world.update("virtualmachine", row["id"], affinitygroupids=identities)
    return {"virtualmachine": machines.view(call.world, row, machines.ALTERED)}


def _named(call: Call) -> Row:
    if "id" in call.args:
        return call.entity("affinitygroup", "id")
    row = call.world.first("affinitygroup", name=call.args.get("name"), accountid=call.owner["id"])
    if row is None:
        raise invalid(f"Unable to find affinity group by name {call.args.get('name')}")
    return row


def _machines(world: World, group_id: str) -> list[str]:
    return [row["id"] for row in world.all("virtualmachine") if group_id in row["affinitygroupids"]]


def to_group(world: World, row: Row) -> Answer:
    shown: Answer = {"id": row["id"], "name": row["name"]}
    shown |= {"description": row["description"]} if "description" in row else {}
    shown |= {**views.owner(world, row), "type": row["type"]}
    machines = _machines(world, row["id"])
    return {**shown, "virtualmachineIds": machines} if machines else shown
