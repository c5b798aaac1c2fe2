"""instances.insert: checked in `asked`, journalled as a plan, made in recorded steps.

The order of the work: what the networks lack here, the machine's groups, a boot disk of a snapshot, the machine, the
other disks, tags for the labels, the external address. A machine that boots from a disk of its own is deployed stopped,
and gets that in the place of the one that CloudStack made (`creation.started_from`). The machine is called as the
instance is; on a network shared with other accounts, and where CloudStack still holds the name for a machine that was
destroyed, `<name>-<4 characters>` with the GCE name as displayname. A failure takes back what was made, and names what
would not go.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from gstack.cloudstack.errors import Refusal
from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, harmless, work
from gstack.resources.compute.instances import reserved_addresses
from gstack.resources.compute.instances.asked import plan_asked
from gstack.resources.compute.instances.free_names import check_still_free
from gstack.resources.compute.instances.lookup import located
from gstack.resources.compute.instances.plan import Plan
from gstack.resources.compute.instances.reserved_addresses import Held
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.shared.naming import gce_id, labels_to_tags, suffix
from gstack.resources.steps import creation, deployment, removal, security_groups
from gstack.resources.steps import placements as placement_steps
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import volumes as volume_work

_NAME_TAKEN = "already exists in the network domain"  # CloudStack's text, measured; its code 431 means any bad value


@serves("compute.instances.insert")
async def insert(call: Call) -> dict[str, Any]:
    location = await located(call)
    plan = await plan_asked(call, location)
    disks = tuple(f"zones/{location.zone}/disks/{disk.name}" for disk in (plan.boot, *plan.data))
    sources = tuple(disk.source["path"] for disk in (plan.boot, *plan.data) if disk.source)
    holds = tuple(dict.fromkeys((*disks, *sources, *plan.address_hold)))
    target = Target(f"zones/{location.zone}", "instances", plan.name)
    return await call.start(make_one, target, msgspec.to_builtins(plan), holds=holds)


@work("instances.insert")
async def make_one(op: Op) -> None:
    """Make the machine where its names are still free."""
    await op.decide("free", lambda: check_still_free(op, msgspec.convert(op.args, Plan)))
    await make(op)


async def make(op: Op) -> None:
    """Make the machine and all that belongs to it, or nothing."""
    plan = await with_networks(op, msgspec.convert(op.args, Plan))
    groups = await placement_steps.join_groups(op, "groups", plan.placement, plan.name, plan.tags)
    await op.progress(20, "The network is there.")
    made = creation.Made()
    try:
        made.boot_id = await creation.boot_disk(op, plan.boot, plan.placement.location_id, made)
        machine = await _deployed(op, plan, groups, made)
        await placement_steps.check_firewalls(op, "firewalls", plan.placement, *(one.placement for one in plan.others))
        await op.progress(60, "The machine runs.")
        await _equip(op, plan, machine, made)
    except Problem:
        await _take_back(op, plan, groups, made)
        raise


async def with_networks(op: Op, plan: Plan) -> Plan:
    """Make what the networks lack; the plan with what they have then."""
    placement = await placement_steps.ensure_backing(op, "network", plan.placement)
    others = [
        replace(one, placement=await placement_steps.ensure_backing(op, f"network-{index}", one.placement))
        for index, one in enumerate(plan.others, start=1)
    ]
    return replace(plan, placement=placement, others=tuple(others))


async def _deployed(op: Op, plan: Plan, groups: list[str], made: creation.Made) -> VirtualMachine:
    answer = await _deploy(op, plan, groups)
    made.machine_id = str(answer["id"])
    await op.target(gce_id(made.machine_id))
    if made.boot_id:
        return await creation.started_from(op, made)
    machine = await deployment.started(op, msgspec.convert(answer, VirtualMachine))
    made.root_id = await deployment.root_of(op, machine.id)
    return machine


def _hosts(op: Op, plan: Plan) -> list[str]:
    """The host names to try, the same after a restart: marked ones where others may have the plain one."""
    marked = [machines.marked(plan.name, suffix(f"{op.operation.id} {number}")) for number in range(3)]
    return marked if plan.placement.security_groups else [plan.name, *marked]


async def _deploy(op: Op, plan: Plan, groups: list[str]) -> Mapping[str, Any]:
    """Deploy under the first host name that CloudStack takes."""
    *first, last = _hosts(op, plan)
    for host in first:
        try:
            return await _deploy_as(op, plan, groups, host)
        except Refusal as refusal:
            if _NAME_TAKEN not in refusal.error_text:
                raise
    return await _deploy_as(op, plan, groups, last)


async def _deploy_as(op: Op, plan: Plan, groups: list[str], host: str) -> Mapping[str, Any]:
    async def arrived(op: Op) -> Mapping[str, Any] | None:
        return await deployment.machine_called(op, plan.placement.location_id, host, plan.name)

    parameters = to_cloudstack(plan, groups, host)
    return await op.run(f"deploy-{host}", "deployVirtualMachine", parameters, probe=arrived)


def to_cloudstack(plan: Plan, groups: list[str], host: str) -> dict[str, object]:
    """The parameters of deployVirtualMachine. One that boots from a disk of its own is not started yet."""
    sizes = {"cpuNumber": plan.cpu, "memory": plan.memory_mb, "cpuSpeed": plan.cpu_speed}
    with_boot = plan.boot.of_image
    return {
        "zoneid": plan.placement.location_id,
        "serviceofferingid": plan.offering_id,
        "templateid": plan.template_id,
        "name": host,
        "displayname": plan.name,
        "details": {name: size for name, size in sizes.items() if size is not None} or None,
        "rootdisksize": plan.boot.size_gb if with_boot else None,
        "overridediskofferingid": (plan.boot.offering_id or None) if with_boot else None,
        "securitygroupids": groups or None,
        "userdata": plan.user_data or None,
        "startvm": None if with_boot else False,
        **_networks(plan),
    }


def _networks(plan: Plan) -> dict[str, object]:
    """The networks in the order of the interfaces; fixed addresses go with their networks, where those are named."""
    first = plan.placement
    cards = [(first.network_id, plan.ip), *((one.placement.network_id, one.ip) for one in plan.others)]
    if first.security_groups or not first.network_id or not any(ip for _, ip in cards):
        ids = tuple(network_id for network_id, _ in cards if network_id)
        return {"networkids": ids or None, "ipaddress": plan.ip or None}
    fixed = [{"networkid": network_id} | ({"ip": ip} if ip else {}) for network_id, ip in cards]
    return {"iptonetworklist": fixed}


async def _equip(op: Op, plan: Plan, machine: VirtualMachine, made: creation.Made) -> None:
    zone_id, root = plan.placement.location_id, made.boot_id or made.root_id
    await creation.write_down(op, "facts", machine.id, machines.kind(zone_id), plan.facts)
    await creation.write_down(op, "boot-facts", root, volumes.kind(zone_id), plan.boot.facts)
    await tagging.add(op, "labels", "UserVm", machine.id, labels_to_tags(plan.labels))
    await tagging.add(op, "boot-labels", volume_work.RESOURCE, root, labels_to_tags(plan.boot.labels))
    for index, disk in enumerate(plan.data, start=1):
        volume_id = await creation.add_disk(op, f"disk-{index}", zone_id, disk, machine.id, made)
        await creation.write_down(op, f"disk-{index}-facts", volume_id, volumes.kind(zone_id), disk.facts)
    if plan.external:
        await _give_address(op, plan, machine)
    if plan.deletion_protection:
        parameters = {"id": machine.id, "deleteprotection": True}
        await op.run("protect", "updateVirtualMachine", parameters, probe=harmless)


async def _give_address(op: Op, plan: Plan, machine: VirtualMachine) -> None:
    """Give the machine its external address, on the interface that asked for it."""
    asked = plan.address
    placement = plan.others[asked.index - 1].placement if asked.index else plan.placement
    on_network = (nic for nic in machine.nic if nic.networkid == placement.network_id)
    nic = next(on_network if asked.index else (nic for nic in machine.nic if nic.isdefault))
    if asked.held:
        held, network_id = Held(asked.held, asked.address), str(placement.network_id)
        place = {"vpcid": placement.vpc_id} if placement.vpc_id else {"networkid": network_id}
        await reserved_addresses.use(op, "address", place, network_id, held, machine.id)
    else:
        await placement_steps.give_address(op, "address", placement, machine.id)
    if asked.index:  # the name of the first interface's is among the machine's facts
        facts = {"externals": {nic.id: plan.external}}
        await creation.write_down(op, "address-facts", machine.id, machines.kind(placement.location_id), facts)


async def _take_back(op: Op, plan: Plan, groups: list[str], made: creation.Made) -> None:
    """Remove what was made; the operation names what stays. Disks that existed before are let go."""
    zone_id, stays = plan.placement.location_id, (made.boot_id,) if made.boot_id else ()
    hosts = _hosts(op, plan)
    failed = [] if made.machine_id else await deployment.failed_machines(op, zone_id, hosts, plan.name)
    for machine_id in [made.machine_id] if made.machine_id else failed:
        wish = removal.Removal(machine_id, plan.name, zone_id, plan.placement.security_groups, stays)
        removing = removal.remove(op, f"undo-{machine_id[:8]}", wish)
        await _tried(op, f"instance {plan.name}", removing)
    for step, name, volume_id in made.volumes:
        await _tried(op, f"disk {name}", volume_work.delete(op, f"undo-{step}", volume_id))
    if groups and not made.machine_id:
        await _tried(op, f"groups of {plan.name}", security_groups.leave(op, "undo-groups", groups))
    await _forget(op, made)


async def _forget(op: Op, made: creation.Made) -> None:
    async def drop() -> bool:
        for uuid in (made.machine_id, made.root_id, *(volume_id for _, _, volume_id in made.volumes)):
            if uuid:
                await op.sidecar.drop(uuid)
        return True

    await op.decide("undo-facts", drop)


async def _tried(op: Op, what: str, undoing: Awaitable[None]) -> None:
    try:
        await undoing
    except Problem as problem:
        await op.warn("CLEANUP_FAILED", f"The {what} could not be removed: {problem.message}")
