"""instances.insert: checked in `asked`, journalled as a plan, made in recorded steps.

The order of the work: what the network lacks here, the machine's groups, the machine with its boot disk, the other
disks, tags for the labels, the external address. The machine is called as the instance is; on a network shared with
other accounts, and where CloudStack still holds the name for a machine that was destroyed, `<name>-<4 characters>`
with the GCE name as displayname. A failure takes back what was made, and names what would not go.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal, Unreachable
from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, harmless, work
from gstack.resources import backings, machines, volumes
from gstack.resources.backings import Placement
from gstack.resources.instances import creation, removal
from gstack.resources.instances.asked import plan_asked
from gstack.resources.instances.lookup import located
from gstack.resources.instances.plan import Plan
from gstack.resources.machines import VirtualMachine
from gstack.resources.naming import gce_id, suffix

_NAME_TAKEN = "already exists in the network domain"  # CloudStack's text, measured; its code 431 means any bad value


@serves("compute.instances.insert")
async def insert(call: Call) -> dict[str, Any]:
    location = await located(call)
    plan = await plan_asked(call, location)
    holds = tuple(f"zones/{location.zone}/disks/{disk.name}" for disk in (plan.boot, *plan.data))
    target = Target(f"zones/{location.zone}", "instances", plan.name)
    return await call.start(make, target, msgspec.to_builtins(plan), holds=holds)


@work("instances.insert")
async def make(op: Op) -> None:
    """Make the machine and all that belongs to it, or nothing."""
    plan = msgspec.convert(op.args, Plan)
    placement = await backings.ensure_backing(op, "network", plan.placement)
    groups = await backings.join_groups(op, "groups", placement, plan.name, plan.tags)
    await op.progress(20, "The network is there.")
    made = creation.Made()
    try:
        machine = await _deployed(op, plan, placement, groups, made)
        await op.progress(60, "The machine runs.")
        await _equip(op, plan, placement, machine, made)
    except Unreachable:  # nobody knows how it stands: the work begins again, with what is recorded
        raise
    except Problem as problem:
        left = await _take_back(op, plan, placement, groups, made)
        raise _with_remains(problem, left) from problem


async def _deployed(op: Op, plan: Plan, placement: Placement, groups: list[str], made: creation.Made) -> VirtualMachine:
    answer = await _deploy(op, plan, placement, groups)
    made.machine_id = str(answer["id"])
    await op.target(gce_id(made.machine_id))
    return await creation.started(op, msgspec.convert(answer, VirtualMachine))


def _hosts(op: Op, plan: Plan, placement: Placement) -> list[str]:
    """The host names to try, the same after a restart: marked ones where others may have the plain one."""
    marked = [machines.marked(plan.name, suffix(f"{op.operation.id} {number}")) for number in range(3)]
    return marked if placement.security_groups else [plan.name, *marked]


async def _deploy(op: Op, plan: Plan, placement: Placement, groups: list[str]) -> Mapping[str, Any]:
    """Deploy under the first host name that CloudStack takes."""
    *first, last = _hosts(op, plan, placement)
    for host in first:
        try:
            return await _deploy_as(op, plan, placement, groups, host)
        except Refusal as refusal:
            if _NAME_TAKEN not in refusal.error_text:
                raise
    return await _deploy_as(op, plan, placement, groups, last)


async def _deploy_as(op: Op, plan: Plan, placement: Placement, groups: list[str], host: str) -> Mapping[str, Any]:
    async def arrived(op: Op) -> Mapping[str, Any] | None:
        return await creation.machine_called(op, placement.location_id, host, plan.name)

    parameters = to_cloudstack(plan, placement, groups, host)
    return await op.run(f"deploy-{host}", "deployVirtualMachine", parameters, probe=arrived)


def to_cloudstack(plan: Plan, placement: Placement, groups: list[str], host: str) -> dict[str, object]:
    """The parameters of deployVirtualMachine. A fixed address goes with its network, where one is named."""
    sizes = {"cpuNumber": plan.cpu, "memory": plan.memory_mb, "cpuSpeed": plan.cpu_speed}
    on_network = placement.network_id and plan.ip and not placement.security_groups
    fixed = [{"networkid": placement.network_id, "ip": plan.ip}]
    return {
        "zoneid": placement.location_id,
        "serviceofferingid": plan.offering_id,
        "templateid": plan.template_id,
        "name": host,
        "displayname": plan.name,
        "details": {name: size for name, size in sizes.items() if size is not None} or None,
        "rootdisksize": plan.boot.size_gb,
        "overridediskofferingid": plan.boot.offering_id or None,
        "securitygroupids": groups or None,
        "networkids": None if on_network else placement.network_id,
        "iptonetworklist": fixed if on_network else None,
        "ipaddress": None if on_network else plan.ip or None,
        "userdata": plan.user_data or None,
    }


async def _equip(op: Op, plan: Plan, placement: Placement, machine: VirtualMachine, made: creation.Made) -> None:
    zone_id = placement.location_id
    root = await creation.root_of(op, machine.id)
    await creation.write_down(op, "facts", machine.id, machines.kind(zone_id), plan.facts)
    await creation.write_down(op, "boot-facts", root, volumes.kind(zone_id), plan.boot.facts)
    await creation.label(op, "labels", "UserVm", machine.id, plan.labels)
    await creation.label(op, "boot-labels", "Volume", root, plan.boot.labels)
    for index, disk in enumerate(plan.data, start=1):
        volume_id = await creation.add_disk(op, f"disk-{index}", zone_id, disk, machine.id, made)
        await creation.write_down(op, f"disk-{index}-facts", volume_id, volumes.kind(zone_id), disk.facts)
    if plan.external:
        nic = next(nic.id for nic in machine.nic if nic.isdefault)
        await backings.give_address(op, "address", placement, machine.id, nic)
    if plan.deletion_protection:
        parameters = {"id": machine.id, "deleteprotection": True}
        await op.run("protect", "updateVirtualMachine", parameters, probe=harmless)


async def _take_back(op: Op, plan: Plan, placement: Placement, groups: list[str], made: creation.Made) -> list[str]:
    """Remove what was made; return the names of what stays. Disks that existed before are let go."""
    left, zone_id = [], placement.location_id
    hosts = _hosts(op, plan, placement)
    failed = [] if made.machine_id else await creation.failed_machines(op, zone_id, hosts, plan.name)
    for machine_id in [made.machine_id] if made.machine_id else failed:
        wish = removal.Removal(machine_id, plan.name, zone_id, placement.security_groups)
        removing = removal.remove(op, f"undo-{machine_id[:8]}", wish)
        left += await _tried(op, f"instance {plan.name}", removing)
    for step, name, volume_id in made.volumes:
        left += await _tried(op, f"disk {name}", creation.remove_disk(op, f"undo-{step}", volume_id))
    if groups and not made.machine_id:
        left += await _tried(op, f"groups of {plan.name}", backings.leave_groups(op, "undo-groups", groups))
    await _forget(op, made)
    return left


async def _forget(op: Op, made: creation.Made) -> None:
    async def drop() -> bool:
        for uuid in (made.machine_id, *(volume_id for _, _, volume_id in made.volumes)):
            if uuid:
                await op.sidecar.drop(uuid)
        return True

    await op.decide("undo-facts", drop)


async def _tried(op: Op, what: str, undoing: Awaitable[None]) -> list[str]:
    try:
        await undoing
    except Unreachable:
        raise
    except Problem as problem:
        await op.warn("CLEANUP_FAILED", f"The {what} could not be removed: {problem.message}")
        return [what]
    return []


def _with_remains(problem: Problem, left: list[str]) -> Problem:
    if not left:
        return problem
    text = f"{problem.message} Not removed: {', '.join(left)}."
    return Problem(problem.status, problem.reason, text, code=problem.code, internal=problem.internal)
