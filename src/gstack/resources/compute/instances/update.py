"""instances.update: the body is a whole Instance; each property that differs is changed as its own method would.

As on GCE, only some properties may change; a change of another one is refused by name. Absent labels, metadata, tags
and description become empty. Machine type, disks and interfaces must be sent, since every instance has them.

The changes are made one after the other, in one operation. If one fails, those before it are undone. `minimalAction`
and `mostDisruptiveAllowedAction` (REFRESH if it is not sent, as on GCE) matter for a running machine: it is stopped and
started again for a change that needs it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, TypedWork, WorkRequest, work, work_name, works
from gstack.operations.nested import Nested
from gstack.operations.recipes import rollback
from gstack.resources.compute.instances import metadata, properties
from gstack.resources.compute.instances.power import Power, power_off, power_on
from gstack.resources.compute.instances.target import RUNNING, Instance, begin, check_settled, find_instance
from gstack.resources.inventory import instances, machines
from gstack.resources.inventory.accounts import project_names
from gstack.resources.inventory.placements import network_named, subnetwork_named
from gstack.resources.inventory.volumes import Volume, disk_name_in
from gstack.resources.inventory.zones import locations_of
from gstack.resources.shared import refused
from gstack.resources.shared.instance_properties import SHIELDED, check_scheduling, check_tags, scheduling_to_gce
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import check_description, check_labels, fingerprint
from gstack.resources.shared.references import last_name, name_in, type_named

NO_EFFECT, REFRESH, RESTART = LEVELS = ("NO_EFFECT", "REFRESH", "RESTART")
_ELSEWHERE = {
    "name": "use setName.",
    "disks": "use attachDisk, detachDisk and setDiskAutoDelete.",
    "networkInterfaces": "use the methods for access configs and network interfaces.",
}


class Change(msgspec.Struct, frozen=True):
    """One property to change: the work, its request, and the request that undoes it.

    `level` is what the change does to a running machine.
    """

    field: str
    level: str
    work: str
    args: dict[str, Any]
    back: dict[str, Any]


class Update(msgspec.Struct, frozen=True):
    """The changes of a machine; `restart` stops it before them and starts it after them."""

    machine_id: str
    kind: str
    changes: list[Change]
    restart: bool


class Description(msgspec.Struct, frozen=True):
    """The description to set; an empty one is removed."""

    machine_id: str
    kind: str
    description: str


@serves("compute.instances.update")
async def update(call: Call) -> dict[str, Any]:
    """`discardLocalSsd` has no effect: there are no local SSDs."""
    instance = await find_instance(call)
    check_settled(call, instance)
    narrowed = {**machines.OWN, "virtualmachineid": instance.machine.id}
    disks = await call.cloudstack.list_all("listVolumes", Volume, narrowed)
    (shown,) = await instances.render(call, call.link, await locations_of(call), [instance.found], disks)
    if call.body.get("fingerprint", "").rstrip("=") != shown["fingerprint"].rstrip("="):
        raise Problem.condition_not_met("Supplied fingerprint does not match current instance fingerprint.")
    _check_unchanged(call, instance, shown)
    changes = await _changes(call, instance, shown)
    request = Update(instance.machine.id, instance.kind, changes, _restarts(call, instance, changes))
    return await begin(call, apply, instance, request)


# What may not change


def _check_unchanged(call: Call, instance: Instance, shown: Mapping[str, Any]) -> None:
    """400 for a difference that update does not make."""
    body = call.body
    refused.refuse(body, refused.INSTANCE, "resource")
    for field, comparable in _COMPARABLE.items():
        if not body.get(field):
            raise Problem.required(f"resource.{field}")
        if comparable(call, instance, body[field]) != comparable(call, instance, shown[field]):
            raise Problem.unsupported(f"resource.{field}", f"update cannot change it: {_ELSEWHERE[field]}")
    if body.get("zone") and name_in(body["zone"], "zones", [], project_names(call)) not in instance.location.names:
        raise Problem.unsupported("resource.zone", "an instance stays in its zone.")


def _comparable_disks(call: Call, instance: Instance, disks: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [
        (
            disk_name_in(call, instance.location, disk.get("source", "")),
            disk.get("deviceName"),
            bool(disk.get("autoDelete")),
            bool(disk.get("boot")),
        )
        for disk in disks
    ]


def _comparable_nics(call: Call, instance: Instance, nics: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [
        (
            network_named(call, nic.get("network", "")),
            subnetwork_named(call, instance.location, nic.get("subnetwork", "")),
            nic.get("networkIP"),
            [(config.get("name"), config.get("natIP")) for config in nic.get("accessConfigs", [])],
            nic.get("aliasIpRanges", []),
        )
        for nic in nics
    ]


_COMPARABLE: dict[str, Callable[[Call, Instance, Any], Any]] = {
    "name": lambda _call, _instance, name: name,
    "disks": _comparable_disks,
    "networkInterfaces": _comparable_nics,
}


# What may change


async def _changes(call: Call, instance: Instance, shown: Mapping[str, Any]) -> list[Change]:
    """The changes from the instance as it is `shown` to the body."""
    changes = [
        _labels(call, instance, shown),
        await _metadata(call, instance),
        _tags(call, instance),
        _description(call, instance),
        _protection(call, instance),
        *_accepted(call, instance, shown),
        await _machine_type(call, instance, shown),
    ]
    return [change for change in changes if change]


def _change(
    field: str, level: str, function: TypedWork[WorkRequest], request: WorkRequest, back: WorkRequest
) -> Change:
    return Change(field, level, work_name(function), msgspec.to_builtins(request), msgspec.to_builtins(back))


def _labels(call: Call, instance: Instance, shown: Mapping[str, Any]) -> Change | None:
    labels, before = check_labels(call.body.get("labels")), shown.get("labels", {})
    if labels == before:
        return None
    request = properties.Labels(instance.machine.id, labels, fingerprint(before))
    back = properties.Labels(instance.machine.id, before)
    return _change("labels", NO_EFFECT, properties.change_labels, request, back)


async def _metadata(call: Call, instance: Instance) -> Change | None:
    before = instance.facts.get("metadata", {})
    items = check_metadata(call.body.get("metadata"), "resource.metadata")
    if items == before:
        return None
    metadata.warn(call, before, items)
    request = await metadata.metadata_request(call, instance, items, fingerprint(before))
    back = await metadata.metadata_request(call, instance, before)
    return _change("metadata", REFRESH, metadata.write_metadata, request, back)


def _tags(call: Call, instance: Instance) -> Change | None:
    before = list(instance.facts.get("tags", []))
    tags = check_tags(call.body.get("tags"), "resource.tags")
    if tags == before:
        return None
    request = properties.tags_request(instance, tags, fingerprint(before))
    back = properties.tags_request(instance, before)
    return _change("tags", NO_EFFECT, properties.change_tags, request, back)


def _description(call: Call, instance: Instance) -> Change | None:
    before, description = instance.facts.get("description", ""), check_description(call.body)
    if description == before:
        return None
    request = Description(instance.machine.id, instance.kind, description)
    back = Description(instance.machine.id, instance.kind, before)
    return _change("description", NO_EFFECT, describe, request, back)


def _protection(call: Call, instance: Instance) -> Change | None:
    before, protected = instance.machine.deleteprotection, bool(call.body.get("deletionProtection"))
    if protected == before:
        return None
    request = properties.Protection(instance.machine.id, protected)
    back = properties.Protection(instance.machine.id, before)
    return _change("deletionProtection", NO_EFFECT, properties.protect, request, back)


def _accepted(call: Call, instance: Instance, shown: Mapping[str, Any]) -> list[Change]:
    """The changes of fields that have no effect, with the warnings that their own methods give."""
    body, before = call.body, instance.facts.get("kept", {})
    scheduling = check_scheduling(body.get("scheduling") or {}, "resource.scheduling")
    shielded = body.get("shieldedInstanceConfig") or {}
    sent: dict[str, Any] = {
        "scheduling": scheduling,
        "shieldedInstanceConfig": shielded,
        "minCpuPlatform": body.get("minCpuPlatform") or "",
        "serviceAccounts": properties.service_accounts(call, body.get("serviceAccounts") or []),
    }
    filled = {**sent, "scheduling": scheduling_to_gce(scheduling), "shieldedInstanceConfig": SHIELDED | shielded}
    changed = [field for field in sent if filled[field] != shown.get(field, type(filled[field])())]
    for field in changed:
        call.warn(refused.IGNORED, f"{field} is kept and has no effect.")
    return [
        _change(
            field,
            REFRESH if field == "scheduling" else RESTART,
            properties.accept,
            properties.accepted_request(instance, field, sent[field]),
            properties.accepted_request(instance, field, before.get(field)),
        )
        for field in changed
    ]


async def _machine_type(call: Call, instance: Instance, shown: Mapping[str, Any]) -> Change | None:
    before, reference = last_name(shown["machineType"]), call.body.get("machineType")
    if not reference:
        raise Problem.required("resource.machineType")
    names, field = instance.location.names, "resource.machineType"
    if type_named(reference, "machineTypes", field, names, project_names(call)) == before:
        return None
    request = await properties.machine_type_request(call, instance, reference, field)
    back = await properties.machine_type_request(call, instance, before, field)
    return _change("machineType", RESTART, properties.change_machine_type, request, back)


def _restarts(call: Call, instance: Instance, changes: Sequence[Change]) -> bool:
    """Whether the machine has to be stopped for these changes; 400 if the client does not allow it."""
    least = _level(call, "minimalAction", NO_EFFECT)
    most = _level(call, "mostDisruptiveAllowedAction", max(REFRESH, least, key=LEVELS.index))
    if LEVELS.index(least) > LEVELS.index(most):
        raise Problem.invalid("minimalAction", f"'{least}'. It exceeds mostDisruptiveAllowedAction, '{most}'.")
    if instance.status != RUNNING:
        return False
    needed = max([least, *(change.level for change in changes)], key=LEVELS.index)
    if LEVELS.index(needed) > LEVELS.index(most):
        fields = ", ".join(change.field for change in changes if LEVELS.index(change.level) > LEVELS.index(most))
        why = f"'{most}'. The update requires {needed} for {fields}. Allow it, or stop the instance first."
        raise Problem.invalid("mostDisruptiveAllowedAction", why)
    return needed == RESTART


def _level(call: Call, parameter: str, default: str) -> str:
    level = call.params.get(parameter) or default
    if level not in LEVELS:
        raise Problem.invalid(parameter, f"'{level}'. Must be one of {', '.join(LEVELS)}.")
    return str(level)


# Works


@work("instances.update", Update)
async def apply(op: Op, request: Update) -> None:
    """Make the changes one after the other. If one fails, undo those before it. Restart the machine if it ran."""
    machine = Power(request.machine_id, request.kind)
    async with rollback(op, "undo") as undos:
        if request.restart:
            await power_off(Nested(op, "stop"), machine)
            failure = "The instance could not be started again"
            undos.add("stop", failure, lambda under: power_on(Nested(op, under), machine))
        for change in request.changes:
            perform = works()[change.work].perform

            async def undo(under: str, change: Change = change) -> None:
                await works()[change.work].perform(Nested(op, under), change.back)

            await perform(Nested(op, change.field), change.args)
            undos.add(change.field, f"{change.field} could not be put back", undo)
        if request.restart:
            await power_on(Nested(op, "start"), machine)


@work("instances.describe", Description)
async def describe(op: Op, request: Description) -> None:
    """Store the description, which has no method of its own."""
    await op.keep("facts", request.machine_id, request.kind, {"description": request.description or None})
