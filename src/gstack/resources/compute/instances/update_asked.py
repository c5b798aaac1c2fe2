"""What instances.update asks for: the differences between the Instance that is put and the one that is there.

As on GCE only some properties may differ; another difference is refused by name. What is absent is empty (labels,
metadata, tags, description), but for what every instance has (machine type, disks, interfaces), which must be there.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances import accepted, set_machine_type, set_metadata, set_tags
from gstack.resources.compute.instances.subject import Subject
from gstack.resources.compute.instances.to_gce import SHIELDED, scheduling_to_gce
from gstack.resources.inventory.accounts import own_names
from gstack.resources.inventory.placements import network_named, subnetwork_named
from gstack.resources.inventory.volumes import disk_name_in
from gstack.resources.shared import refused as policy
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import check_description, check_labels, fingerprint
from gstack.resources.shared.references import last_name, name_in, type_named

NO_EFFECT, REFRESH, RESTART = LEVELS = ("NO_EFFECT", "REFRESH", "RESTART")
_KEPT = "instances.keep"
_ELSEWHERE = {
    "name": "use setName.",
    "disks": "use attachDisk, detachDisk and setDiskAutoDelete.",
    "networkInterfaces": "use the methods for access configs and network interfaces.",
}


class Change(msgspec.Struct, frozen=True):
    """One property that is to change: by which work, with which args, and with which it is taken back.

    `level` is what it does to a running machine.
    """

    field: str
    level: str
    work: str
    args: dict[str, Any]
    back: dict[str, Any]


async def changes_asked(call: Call, subject: Subject, shown: Mapping[str, Any]) -> list[Change]:
    """The changes from the instance as it is `shown` to the body."""
    _refuse_others(call, subject, shown)
    found = [
        _labels(call, shown),
        await _metadata(call, subject),
        _tags(call, subject),
        _description(call, subject),
        _protection(call, subject),
        *_kept(call, subject, shown),
        await _machine_type(call, subject, shown),
    ]
    return [change for change in found if change]


def _refuse_others(call: Call, subject: Subject, shown: Mapping[str, Any]) -> None:
    body = call.body
    policy.refuse(body, policy.INSTANCE, "resource")
    for field, view in _VIEWS.items():
        if not body.get(field):
            raise Problem.required(f"resource.{field}")
        if view(call, subject, body[field]) != view(call, subject, shown[field]):
            raise Problem.unsupported(f"resource.{field}", f"it is not changed by update: {_ELSEWHERE[field]}")
    if body.get("zone") and name_in(body["zone"], "zones", [], own_names(call)) not in subject.location.names:
        raise Problem.unsupported("resource.zone", "an instance stays in its zone.")


def _name(_call: Call, _subject: Subject, name: str) -> str:
    return name


def _disks(call: Call, subject: Subject, disks: list[Mapping[str, Any]]) -> list[Any]:
    return [
        (
            disk_name_in(call, subject.location, disk.get("source", "")),
            disk.get("deviceName"),
            bool(disk.get("autoDelete")),
            bool(disk.get("boot")),
        )
        for disk in disks
    ]


def _interfaces(call: Call, subject: Subject, nics: list[Mapping[str, Any]]) -> list[Any]:
    return [
        (
            network_named(call, nic.get("network", "")),
            subnetwork_named(call, subject.location, nic.get("subnetwork", "")),
            nic.get("networkIP"),
            [(config.get("name"), config.get("natIP")) for config in nic.get("accessConfigs", [])],
            nic.get("aliasIpRanges", []),
        )
        for nic in nics
    ]


_VIEWS: dict[str, Callable[[Call, Subject, Any], Any]] = {
    "name": _name,
    "disks": _disks,
    "networkInterfaces": _interfaces,
}


def _labels(call: Call, shown: Mapping[str, Any]) -> Change | None:
    labels, before = check_labels(call.body.get("labels")), shown.get("labels", {})
    if labels == before:
        return None
    args = {"labels": labels, "fingerprint": fingerprint(before)}
    return Change("labels", NO_EFFECT, "instances.setLabels", args, {"labels": before, "fingerprint": ""})


async def _metadata(call: Call, subject: Subject) -> Change | None:
    before = subject.facts.get("metadata", {})
    items = check_metadata(call.body.get("metadata"), "resource.metadata")
    if items == before:
        return None
    set_metadata.warn(call, before, items)
    args = await set_metadata.change(call, items, fingerprint(before))
    return Change("metadata", REFRESH, "instances.setMetadata", args, await set_metadata.change(call, before))


def _tags(call: Call, subject: Subject) -> Change | None:
    before = list(subject.facts.get("tags", []))
    tags = set_tags.check_tags(call.body.get("tags") or {}, "resource.tags")
    if tags == before:
        return None
    args, back = set_tags.change(subject, tags, fingerprint(before)), set_tags.change(subject, before)
    return Change("tags", NO_EFFECT, "instances.setTags", args, back)


def _description(call: Call, subject: Subject) -> Change | None:
    before, description = subject.facts.get("description", ""), check_description(call.body)
    if description == before:
        return None
    return Change("description", NO_EFFECT, "instances.describe", {"description": description}, {"description": before})


def _protection(call: Call, subject: Subject) -> Change | None:
    before, protected = subject.machine.deleteprotection, bool(call.body.get("deletionProtection"))
    if protected == before:
        return None
    args, back = {"protected": protected}, {"protected": before}
    return Change("deletionProtection", NO_EFFECT, "instances.setDeletionProtection", args, back)


def _kept(call: Call, subject: Subject, shown: Mapping[str, Any]) -> list[Change]:
    """What is only kept: it comes with the warnings of its own methods."""
    body, known = call.body, subject.facts.get("kept", {})
    scheduling = accepted.check_scheduling(body.get("scheduling") or {}, "resource.scheduling")
    shielded = body.get("shieldedInstanceConfig") or {}
    sent: dict[str, Any] = {
        "scheduling": scheduling,
        "shieldedInstanceConfig": shielded,
        "minCpuPlatform": body.get("minCpuPlatform") or "",
        "serviceAccounts": accepted.service_accounts(call, body.get("serviceAccounts") or []),
    }
    filled = {**sent, "scheduling": scheduling_to_gce(scheduling), "shieldedInstanceConfig": SHIELDED | shielded}
    changed = [field for field in sent if filled[field] != shown.get(field, type(filled[field])())]
    for field in changed:
        call.warn(policy.IGNORED, f"{field} is kept and has no effect.")
    return [
        Change(
            field,
            REFRESH if field == "scheduling" else RESTART,
            _KEPT,
            accepted.change(field, sent[field]),
            accepted.change(field, known.get(field)),
        )
        for field in changed
    ]


async def _machine_type(call: Call, subject: Subject, shown: Mapping[str, Any]) -> Change | None:
    before, wanted = shown["machineType"], call.body.get("machineType")
    if not wanted:
        raise Problem.required("resource.machineType")
    names, field = subject.location.names, "resource.machineType"
    if type_named(wanted, "machineTypes", field, names, own_names(call)) == last_name(before):
        return None
    args = await set_machine_type.change(call, subject, wanted, field)
    back = await set_machine_type.change(call, subject, last_name(before), field)
    return Change("machineType", RESTART, "instances.setMachineType", args, back)
