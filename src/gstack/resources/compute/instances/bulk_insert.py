"""instances.bulkInsert: many instances of one kind, in one operation.

The first instance is checked as instances.insert checks it. The others differ only in their names. One list of the
zone's machines and one of its disks tell whether the names are free: before the operation, and again under its locks.
Each instance is created by the recorded steps of instances.insert, a few at a time. If one fails, the others go on. If
fewer than `minCount` can be created, the operation removes those that were created, and fails. Otherwise it warns of
each that failed. regionInstances.bulkInsert would have no zone to choose: a region is one zone.
"""

import asyncio
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gstack.cloudstack.client import Client
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.operations.nested import Nested
from gstack.operations.recipes import undoing
from gstack.resources.compute.instances.insert import create_instance, create_networks
from gstack.resources.compute.instances.insert_request import add_template, instance_spec
from gstack.resources.compute.instances.spec import DiskSpec, InstanceSpec
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.names import check_free
from gstack.resources.inventory.volumes import Volume
from gstack.resources.inventory.zones import Location, zone_of
from gstack.resources.shared import refused
from gstack.resources.shared.naming import NAME_LENGTH, check_name
from gstack.resources.steps import removal
from gstack.resources.steps.removal import Removal

PARTIAL = "PARTIAL_SUCCESS"  # Google's code of the warning about an instance that was not created
_AT_ONCE = 4  # instances that are created at the same time
_MOST = 1000  # Google's limit
_PLACEHOLDER = re.compile(r"#{1,18}")
_REFUSED = {
    "instanceFlexibilityPolicy": "machine types are not chosen here. Send one in instanceProperties.machineType.",
    "locationPolicy": "CloudStack places machines by itself.",
}
_MANAGER_TAGS = {"resourceManagerTags": "resource manager tags are not served here."}


class BulkInsert(msgspec.Struct, frozen=True):
    """All instances. `plan` is the spec of the first name; `least` is how many must be created.

    gcloud lists the operations of the instances by `operation_group`.
    """

    plan: InstanceSpec
    names: tuple[str, ...]
    least: int
    operation_group: str = ""

    @property
    def specs(self) -> list[InstanceSpec]:
        """The spec of each instance, by the first one's. A disk is named after its machine, cut as insert cuts it."""
        return [
            replace(
                self.plan,
                name=name,
                boot=replace(self.plan.boot, name=name),
                data=tuple(replace(disk, name=self._disk_name(disk, name)) for disk in self.plan.data),
            )
            for name in self.names
        ]

    def _disk_name(self, disk: DiskSpec, name: str) -> str:
        """The disk `vm-1-2` of the machine `vm-1` is `vm-7-2` of `vm-7`."""
        number = disk.name.removeprefix(self.plan.name[:60])
        return f"{name[: NAME_LENGTH - len(number)]}{number}"


@serves("compute.instances.bulkInsert")
async def bulk_insert(call: Call) -> dict[str, Any]:
    location = await zone_of(call, call.params["zone"])
    request = await _request(call, location)
    zone = f"zones/{location.zone}"
    locks = [f"{zone}/instances/{name}" for name in request.names[1:]]
    locks += [f"{zone}/disks/{disk.name}" for spec in request.specs for disk in spec.disks]
    return await call.start(create_all, Target(zone, "instances", request.names[0]), request, holds=tuple(locks))


async def _request(call: Call, location: Location) -> BulkInsert:
    """The checked request. Problems are Google's: 400, 404, 409."""
    body = call.body
    properties = body.get("instanceProperties") or {}
    refused.refuse(body, _REFUSED, "resource")
    refused.refuse(properties, _MANAGER_TAGS, "resource")
    taken = await _names_in(call.cloudstack, call.sidecar, location.id)
    names = await _names(call, location, taken[0])
    first = await add_template(call, body.get("sourceInstanceTemplate"), {**properties, "name": names[0]})
    spec = await instance_spec(call, location, first)
    least = int(body.get("minCount") or len(names))
    if not 1 <= least <= len(names):
        raise Problem.invalid("resource.minCount", f"'{least}'. Must be from 1 to count, {len(names)}.")
    _check_unique(spec)
    request = BulkInsert(spec, names, least, str(uuid.uuid4()))
    disks = [disk.name for one in request.specs for disk in one.disks]
    if len({*disks}) < len(disks):
        raise Problem.invalid("resource.namePattern", "the names are too long: several disks would get the same name.")
    _check_free(call.project, request, taken)
    return request


async def _names(call: Call, location: Location, taken: Collection[str]) -> tuple[str, ...]:
    pattern, each = call.body.get("namePattern", ""), call.body.get("perInstanceProperties") or {}
    field = "resource.perInstanceProperties"
    if bool(pattern) == bool(each):
        raise Problem.invalid("resource.namePattern", "send either namePattern or perInstanceProperties.")
    count = int(call.body.get("count") or len(each))
    if not 1 <= count <= _MOST:
        raise Problem.invalid("resource.count", f"'{count}'. Must be from 1 to {_MOST}.")
    if each and count != len(each):
        raise Problem.invalid("resource.count", f"'{count}'. perInstanceProperties has {len(each)} names.")
    if pattern:
        return await _numbered(call, location, pattern, count, taken)
    for name, properties in each.items():
        check_name(field, name)
        refused.refuse(properties or {}, {"hostname": refused.INSTANCE["hostname"]}, field)
        if (properties or {}).get("name", name) != name:
            raise Problem.invalid(field, f"'{name}' has another name. Use the instance's name as the key.")
    return tuple(each)


async def _numbered(
    call: Call, location: Location, pattern: str, count: int, taken: Collection[str]
) -> tuple[str, ...]:
    """Names of the pattern, from after the greatest number that exists or is being created, as on GCE."""
    digits = check_pattern(pattern)
    start = first_number(pattern, taken)
    while await call.operations.holder(call.owner_id, f"zones/{location.zone}/instances/{_filled(pattern, start)}"):
        start += 1
    if len(str(start + count - 1)) > digits:
        why = f"'{pattern}'. It has too few '#' for {count} names from number {start} on."
        raise Problem.invalid("resource.namePattern", why)
    return tuple(_filled(pattern, number) for number in range(start, start + count))


def check_pattern(pattern: str) -> int:
    """Return the number of digits in a name pattern; Problem.invalid if it is malformed. Pure."""
    field = "resource.namePattern"
    found = _PLACEHOLDER.findall(pattern)
    if len(found) != 1 or pattern.count("#") != len(found[0]):
        raise Problem.invalid(field, f"'{pattern}'. It must have one sequence of 1 to 18 '#'.")
    check_name(field, _filled(pattern, 1))
    return len(found[0])


def first_number(pattern: str, taken: Collection[str]) -> int:
    """The number after the greatest one among the names that match the pattern; 1 where there is none. Pure."""
    digits = pattern.count("#")
    before, _, after = pattern.partition("#" * digits)
    matching = re.compile(rf"{re.escape(before)}(\d{{{digits}}}){re.escape(after)}")
    return max((int(match[1]) for name in taken if (match := matching.fullmatch(name))), default=0) + 1


def _filled(pattern: str, number: int) -> str:
    digits = pattern.count("#")
    return pattern.replace("#" * digits, f"{number:0{digits}}")


def _check_unique(spec: InstanceSpec) -> None:
    """400 for what only one machine can have."""
    field = "resource.instanceProperties"
    if any(interface.address for interface in spec.interfaces):
        raise Problem.unsupported(f"{field}.networkInterfaces", "one networkIP cannot serve several instances.")
    if spec.access and spec.access.address.address_id:
        raise Problem.unsupported(f"{field}.networkInterfaces", "one natIP cannot serve several instances.")
    for disk in spec.disks:
        if disk.volume_id:
            raise Problem.unsupported(f"{field}.disks", f"the disk '{disk.name}' cannot serve several instances.")
    if spec.boot.name != spec.name or any(not disk.name.startswith(spec.name[:60]) for disk in spec.data):
        raise Problem.unsupported(f"{field}.disks", "one diskName cannot serve several instances. Leave it out.")


async def _names_in(cloudstack: Client, sidecar: Sidecar, zone_id: str) -> tuple[set[str], set[str]]:
    """The names of a zone's instances and disks."""
    instances, disks = await asyncio.gather(
        machines.search(cloudstack, sidecar, {"zoneid": zone_id}),
        volumes.search(cloudstack, sidecar, {"zoneid": zone_id}),
    )
    return {one.name for one in instances}, {one.name for one in disks}


def _check_free(project: str, request: BulkInsert, taken: tuple[Collection[str], Collection[str]]) -> None:
    """409 where one of the names is taken."""
    zone = f"projects/{project}/zones/{request.plan.zone}"
    for spec in request.specs:
        check_free(f"{zone}/instances", [spec.name], taken[0])
        check_free(f"{zone}/disks", [disk.name for disk in spec.disks], taken[1])


@work("instances.bulkInsert", BulkInsert)
async def create_all(op: Op, request: BulkInsert) -> None:
    """Create the instances; none if fewer than `least` can be created, or if another operation took a name."""

    async def check() -> bool:
        taken = await _names_in(op.cloudstack, op.sidecar, request.plan.zone_id)
        _check_free(op.operation.project, request, taken)
        return True

    await op.decide("free", check)
    # The networks first, so that the instances do not all create them.
    request = replace(request, plan=await create_networks(op, request.plan))
    failed = await _create_each(op, request.specs)
    created = [name for name in request.names if name not in failed]
    if len(created) < request.least:
        for name in created:
            async with undoing(op, f"The instance {name} could not be removed"):
                await _remove(Nested(op, f"undo-{name}"), request.plan, name)
        first = next(iter(failed.values()))
        text = f"{len(created)} of {len(request.names)} instances could be made, {request.least} are needed"
        text = f"{text}. The instances that were made were removed. {first.message}"
        raise Problem(first.status, first.reason, text, code=first.code, internal=first.internal)
    for name, problem in failed.items():
        await op.warn(PARTIAL, f"The instance '{name}' was not made: {problem.message}", instance=name)


async def _create_each(op: Op, specs: Sequence[InstanceSpec]) -> Mapping[str, Problem]:
    """Create all instances; return the names of those that failed, and why."""
    room, failed, ended = asyncio.Semaphore(_AT_ONCE), dict[str, Problem](), list[str]()

    async def create_one(spec: InstanceSpec) -> None:
        async with room:
            try:
                await create_instance(Nested(op, spec.name), spec)
            except Problem as problem:
                failed[spec.name] = problem
        ended.append(spec.name)
        await op.progress(90 * len(ended) // len(specs), f"{len(ended)} of {len(specs)} instances.")

    outcomes = await asyncio.gather(*(create_one(spec) for spec in specs), return_exceptions=True)
    for outcome in outcomes:  # not a Problem, so nobody knows the outcome: the work begins again from its steps
        if isinstance(outcome, BaseException):
            raise outcome
    return {spec.name: failed[spec.name] for spec in specs if spec.name in failed}


async def _remove(op: Op, spec: InstanceSpec, name: str) -> None:
    """Remove an instance that was created, with all its disks."""
    zone_id = spec.zone_id
    machine_id = await op.decide("which", lambda: op.sidecar.named(op.operation.owner, machines.kind(zone_id), name))
    if machine_id is None:
        return

    async def list_disks() -> dict[str, str]:
        found = await op.cloudstack.list_all("listVolumes", Volume, {"virtualmachineid": machine_id})
        return {volume.id: volume.type for volume in found}

    disks = await op.decide("disks", list_disks)
    data = tuple(volume_id for volume_id, kind in disks.items() if kind != volumes.ROOT)
    machine = Removal(machine_id, name, zone_id, spec.placement.security_groups, delete=data)
    await removal.remove(op, "machine", machine)
    await op.forget("forget", machine_id, *disks)
