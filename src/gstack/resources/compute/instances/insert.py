"""instances.insert: `insert_request` turns the request into a spec; the work creates the instance in recorded steps.

The work creates, in this order: what the networks lack in the zone, the machine's groups, a boot disk from a snapshot,
the machine, the other disks, tags for the labels, the external address. A machine that boots from an existing disk or a
snapshot is deployed stopped, and that disk replaces the one that CloudStack made. The machine's host name is the
instance's name. On a network that is shared with other accounts, or if a destroyed machine still has that name in
CloudStack, the host name is `<name>-<4 characters>` and the displayname is the GCE name. If a step fails, the work
removes what it created. The operation names what could not be removed.
"""

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, harmless, work
from gstack.operations.recipes import undoing
from gstack.resources.compute.instances.access_configs import give
from gstack.resources.compute.instances.insert_request import add_template, instance_spec
from gstack.resources.compute.instances.spec import AccessSpec, DiskSpec, InstanceSpec
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.inventory.names import check_still_free
from gstack.resources.inventory.zones import zone_of
from gstack.resources.shared import refused
from gstack.resources.shared.naming import gce_id, labels_to_tags, suffix
from gstack.resources.steps import image_disks, removal, security_groups
from gstack.resources.steps import machines as machine_steps
from gstack.resources.steps import placements as placement_steps
from gstack.resources.steps import tags as tag_steps
from gstack.resources.steps import volumes as volume_steps
from gstack.resources.steps.removal import Removal


@serves("compute.instances.insert")
async def insert(call: Call) -> dict[str, Any]:
    location = await zone_of(call, call.params["zone"])
    if call.params.get("sourceMachineImage"):
        raise Problem.unsupported("sourceMachineImage", refused.INSTANCE["sourceMachineImage"])
    body = await add_template(call, call.params.get("sourceInstanceTemplate"), call.body)
    spec = await instance_spec(call, location, body)
    zone = f"zones/{location.zone}"
    locks = [f"{zone}/disks/{disk.name}" for disk in spec.disks]
    locks += [disk.source["path"] for disk in spec.disks if disk.source]
    if spec.access and spec.access.lock:
        locks.append(spec.access.lock)
    target = Target(zone, "instances", spec.name)
    return await call.start(create, target, spec, holds=tuple(dict.fromkeys(locks)))


@work("instances.insert", InstanceSpec)
async def create(op: Op, spec: InstanceSpec) -> None:
    """Under the locks, check again that the names are free, and create the instance."""
    await op.decide("free", lambda: _check_names(op, spec))
    await create_instance(op, spec)


async def _check_names(op: Op, spec: InstanceSpec) -> bool:
    owner, zone_id = op.operation.owner, spec.zone_id
    zone = f"projects/{op.operation.project}/zones/{spec.zone}"

    async def machine(uuid: str) -> object:
        return await machines.search(op.cloudstack, op.sidecar, {"id": uuid, "zoneid": zone_id})

    async def disk(uuid: str) -> object:
        return await volumes.search(op.cloudstack, op.sidecar, {"id": uuid, "zoneid": zone_id})

    kind = machines.kind(zone_id)
    await check_still_free(op.sidecar, owner, kind, f"{zone}/instances", [spec.name], machine)
    await check_still_free(op.sidecar, owner, volumes.kind(zone_id), f"{zone}/disks", spec.new_disks, disk)
    return True


@dataclass
class _Created:
    """What exists so far: the uuids of machine and root volume, (step, GCE name, uuid) of other volumes.

    `boot_id` is a boot disk that CloudStack did not make with the machine.
    """

    machine_id: str = ""
    root_id: str = ""
    boot_id: str = ""
    volumes: list[tuple[str, str, str]] = field(default_factory=list)


async def create_instance(op: Op, spec: InstanceSpec) -> None:
    """Create the machine and everything that belongs to it, or nothing."""
    spec = await create_networks(op, spec)
    groups = await placement_steps.join_groups(op, "groups", spec.placement, spec.name, spec.tags)
    await op.progress(20, "The network is ready.")
    created = _Created()
    try:
        machine = await _deploy(op, spec, groups, created)
        await placement_steps.check_firewalls(op, "firewalls", *(one.placement for one in spec.interfaces))
        await op.progress(60, "The machine runs.")
        await _equip(op, spec, machine, created)
    except Problem:
        await _take_back(op, spec, groups, created)
        raise


async def create_networks(op: Op, spec: InstanceSpec) -> InstanceSpec:
    """Create the VPCs and tiers that the networks lack in this zone; return the spec with their uuids."""
    interfaces = []
    for index, interface in enumerate(spec.interfaces):
        step = f"network-{index}" if index else "network"
        placement = await placement_steps.ensure_backing(op, step, interface.placement)
        interfaces.append(replace(interface, placement=placement))
    return replace(spec, interfaces=tuple(interfaces))


async def _deploy(op: Op, spec: InstanceSpec, groups: list[str], created: _Created) -> VirtualMachine:
    """Deploy the machine, and return it once it runs with its boot disk."""
    boot = spec.boot
    created.boot_id = boot.volume_id
    if boot.snapshot_id:
        created.boot_id = await volume_steps.make(op, "boot", boot.new_volume(spec.zone_id))
        created.volumes.append(("boot", boot.name, created.boot_id))
    machine = await machine_steps.deploy(op, to_cloudstack(spec, groups), _hosts(op, spec))
    created.machine_id = machine.id
    await op.target(gce_id(machine.id))
    if not created.boot_id:
        machine = await machine_steps.running(op, machine)
        created.root_id = await machine_steps.root_of(op, machine.id)
        return machine
    # The disk that came with the machine was never used: the boot disk takes its place.
    own = await machine_steps.root_of(op, machine.id)
    await volume_steps.detach(op, "boot-own-detach", own)
    created.volumes.append(("boot-own", "that CloudStack made with the machine", own))
    await volume_steps.delete(op, "boot-own-delete", own)
    created.volumes.pop()
    await volume_steps.attach(op, "boot-attach", created.boot_id, machine.id, volume_steps.BOOT)
    return await machine_steps.start(op, "boot-start", machine.id)


def _hosts(op: Op, spec: InstanceSpec) -> list[str]:
    """The host names to try, the same after a restart. They are marked where others may have the plain name."""
    marked = [machines.marked(spec.name, suffix(f"{op.operation.id} {number}")) for number in range(3)]
    return marked if spec.placement.security_groups else [spec.name, *marked]


def to_cloudstack(spec: InstanceSpec, groups: list[str]) -> dict[str, object]:
    """The parameters of deployVirtualMachine except the host name. Fixed addresses go with their networks. Pure."""
    first, boot = spec.interfaces[0], spec.boot
    with_boot = boot.comes_with_machine
    parameters: dict[str, object] = {
        "zoneid": spec.zone_id,
        "serviceofferingid": spec.machine.offering_id,
        "templateid": spec.template_id,
        "displayname": spec.name,
        "details": spec.machine.details,
        "rootdisksize": boot.size_gb if with_boot else None,
        "overridediskofferingid": (boot.offering_id or None) if with_boot else None,
        "securitygroupids": groups or None,
        "userdata": spec.user_data or None,
        "startvm": None if with_boot else False,
    }
    cards = [(one.placement.network_id, one.address) for one in spec.interfaces]
    if first.placement.security_groups or not first.placement.network_id or not any(ip for _, ip in cards):
        ids = tuple(network_id for network_id, _ in cards if network_id)
        return parameters | {"networkids": ids or None, "ipaddress": first.address or None}
    fixed = [{"networkid": network_id} | ({"ip": ip} if ip else {}) for network_id, ip in cards]
    return parameters | {"iptonetworklist": fixed}


async def _equip(op: Op, spec: InstanceSpec, machine: VirtualMachine, created: _Created) -> None:
    """Store the facts, tag the machine and its boot disk, add the other disks and the external address."""
    machine_kind, disk_kind = machines.kind(spec.zone_id), volumes.kind(spec.zone_id)
    root = created.boot_id or created.root_id
    await op.keep("facts", machine.id, machine_kind, spec.facts)
    await op.keep("boot-facts", root, disk_kind, spec.boot.facts)
    await tag_steps.add(op, "labels", "UserVm", machine.id, labels_to_tags(spec.labels))
    await tag_steps.add(op, "boot-labels", volume_steps.RESOURCE, root, labels_to_tags(spec.boot.labels))
    for index, disk in enumerate(spec.data, start=1):
        volume_id = await _add_disk(op, f"disk-{index}", spec.zone_id, disk, machine.id, created)
        await op.keep(f"disk-{index}-facts", volume_id, disk_kind, disk.facts)
    if spec.access:
        await _give_address(op, spec, spec.access, machine)
    if spec.deletion_protection:
        parameters = {"id": machine.id, "deleteprotection": True}
        await op.run("protect", "updateVirtualMachine", parameters, probe=harmless)


async def _add_disk(op: Op, step: str, zone_id: str, disk: DiskSpec, machine_id: str, created: _Created) -> str:
    """Create a data volume, unless it exists, and attach it; return its uuid."""
    volume_id = disk.volume_id
    if not volume_id:
        if disk.image_disk:
            volume_id = await image_disks.make(op, step, disk.name, disk.image_disk, disk.facts)
        else:
            volume_id = await volume_steps.make(op, step, disk.new_volume(zone_id))
        created.volumes.append((step, disk.name, volume_id))
    await volume_steps.attach(op, f"{step}-attach", volume_id, machine_id)
    await tag_steps.add(op, f"{step}-labels", volume_steps.RESOURCE, volume_id, labels_to_tags(disk.labels))
    return volume_id


async def _give_address(op: Op, spec: InstanceSpec, access: AccessSpec, machine: VirtualMachine) -> None:
    """Give the machine its external address, on the interface that has the access config."""
    index, address = access.index, access.address
    placement = spec.interfaces[index].placement
    on_network = (nic for nic in machine.nic if nic.networkid == placement.network_id)
    nic = next(on_network if index else (nic for nic in machine.nic if nic.isdefault))
    if address.address_id:
        await give(op, "address", placement.place, str(placement.network_id), machine.id, address)
    else:
        await placement_steps.give_address(op, "address", placement, machine.id)
    if index:  # the name of the first interface's is among the machine's facts
        facts = {"externals": {nic.id: access.name}}
        await op.keep("address-facts", machine.id, machines.kind(spec.zone_id), facts)


async def _take_back(op: Op, spec: InstanceSpec, groups: list[str], created: _Created) -> None:
    """Remove what was created. Disks that existed before are detached."""
    if created.machine_id:
        left = [created.machine_id]
    else:
        left = await machine_steps.failed_machines(op, spec.zone_id, _hosts(op, spec), spec.name)
    keep = (created.boot_id,) if created.boot_id else ()
    for machine_id in left:
        machine = Removal(machine_id, spec.name, spec.zone_id, spec.placement.security_groups, keep)
        async with undoing(op, f"The instance {spec.name} could not be removed"):
            await removal.remove(op, f"undo-{machine_id[:8]}", machine)
    for step, name, volume_id in created.volumes:
        async with undoing(op, f"The disk {name} could not be removed"):
            await volume_steps.delete(op, f"undo-{step}", volume_id)
    if groups and not created.machine_id:
        async with undoing(op, f"The groups of {spec.name} could not be removed"):
            await security_groups.leave(op, "undo-groups", groups)
    uuids = (created.machine_id, created.root_id, *(volume_id for _, _, volume_id in created.volumes))
    await op.forget("undo-facts", *(uuid for uuid in uuids if uuid))
