"""Changes of one property: labels, tags, name, machine type, deletion protection, and fields without effect.

* Labels are the machine's resource tags, changed as a whole.
* The sidecar keeps network tags. In zones with security groups each machine has its own group. The group has the rules
  of the firewalls whose target tags the machine carries, and stands for the machine where a firewall names source tags.
  So in these zones the rules change with the tags, even while the machine runs. Elsewhere no rule depends on tags.
* The name can change only while the machine is stopped; the guest's host name follows at the next start, as on GCE. The
  host name in CloudStack is the new name if it is free on the network, else `<name>-<4 characters>`, as for a new
  machine. Disks keep their names: a disk that was named after its machine first gets that name as its own.
* The machine type can change only while the machine is stopped, to a fixed or a custom type.
* Scheduling, minimum CPU platform, service account and shielded options are shown as they were sent, with a warning,
  because CloudStack decides about them. Options that would need an effect (when the machine ends, where it runs) are
  refused by name, as for a new machine.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, harmless, work
from gstack.operations.recipes import reached
from gstack.resources.compute.instances.target import (
    Instance,
    begin,
    check_stopped,
    disks_of,
    find_instance,
    queued,
)
from gstack.resources.inventory import machines, service_offerings, volumes
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.inventory.names import check_free
from gstack.resources.inventory.projects import default_account
from gstack.resources.inventory.service_offerings import MachineChoice
from gstack.resources.shared import refused
from gstack.resources.shared.instance_properties import check_scheduling, check_tags
from gstack.resources.shared.naming import (
    check_fingerprint,
    check_label_fingerprint,
    check_labels,
    check_name,
    suffix,
    tags_to_labels,
)
from gstack.resources.shared.references import last_name
from gstack.resources.steps import machines as machine_steps
from gstack.resources.steps import security_groups
from gstack.resources.steps import tags as tag_steps

_SCHEDULING = "scheduling is kept and has no effect: CloudStack restarts and moves machines by its own rules."
_RESOURCE = "UserVm"  # CloudStack's type of a machine, for tags


# Labels


class Labels(msgspec.Struct, frozen=True):
    """The labels to set; an empty fingerprint is not compared."""

    machine_id: str
    labels: dict[str, str]
    fingerprint: str = ""


@serves("compute.instances.setLabels")
async def set_labels(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    labels, sent = check_labels(call.body.get("labels"), "labels"), call.body.get("labelFingerprint", "")
    check_label_fingerprint(sent, tags_to_labels(instance.machine.tags))
    return await begin(call, change_labels, instance, Labels(instance.machine.id, labels, sent))


@queued
@work("instances.setLabels", Labels)
async def change_labels(op: Op, request: Labels) -> None:
    """Make the machine's tags match these labels. 412 if somebody else changed them first."""
    await tag_steps.change(op, "labels", _RESOURCE, request.machine_id, labels=request.labels, sent=request.fingerprint)


# Network tags


class Tags(msgspec.Struct, frozen=True):
    """The network tags to set. `groups` says whether the zone has security groups, whose rules follow the tags."""

    machine_id: str
    kind: str
    tags: list[str]
    groups: bool
    fingerprint: str = ""


class _Group(msgspec.Struct, frozen=True):
    id: str


class _Machine(msgspec.Struct, frozen=True):
    securitygroup: tuple[_Group, ...] = ()


@serves("compute.instances.setTags")
async def set_tags(call: Call) -> dict[str, Any]:
    """412 when a fingerprint was sent and is old."""
    instance = await find_instance(call)
    tags, sent = check_tags(call.body, "tags"), call.body.get("fingerprint", "")
    check_fingerprint(sent, instance.facts.get("tags", []))
    return await begin(call, change_tags, instance, tags_request(instance, tags, sent))


def tags_request(instance: Instance, tags: list[str], fingerprint: str = "") -> Tags:
    """The request that gives an instance these tags."""
    return Tags(instance.machine.id, instance.kind, tags, instance.location.security_groups, fingerprint)


@queued
@work("instances.setTags", Tags)
async def change_tags(op: Op, request: Tags) -> None:
    """Compare the fingerprint once more under the lock, change the rules, keep the tags."""
    machine_id = request.machine_id

    async def check() -> bool:
        facts = (await op.sidecar.facts([machine_id])).get(machine_id, {})
        check_fingerprint(request.fingerprint, facts.get("tags", []))
        return True

    async def own_groups() -> list[str]:
        narrowed = {"id": machine_id, "details": ("secgrp",)}
        found = await op.cloudstack.list_all("listVirtualMachines", _Machine, narrowed)
        return [group.id for machine in found for group in machine.securitygroup]

    await op.decide("check", check)
    if request.groups:
        group_ids = await op.decide("groups", own_groups)
        await security_groups.retag(op, "rules", group_ids, request.tags)
    await op.keep("facts", machine_id, request.kind, {"tags": request.tags})


# Name


class Rename(msgspec.Struct, frozen=True):
    """The names of a machine before and after. `marked`: another account may have the plain host name.

    `disks` are the names to keep, by volume uuid, of disks that have only their machine's name.
    """

    machine_id: str
    kind: str
    name: str
    new_name: str
    marked: bool
    disks: dict[str, str]
    disk_kind: str


@serves("compute.instances.setName")
async def set_name(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    name = check_name("name", call.body.get("name"))
    current = call.body.get("currentName")
    if not current:
        raise Problem.required("currentName")
    if current != instance.name:
        raise Problem.invalid("currentName", f"'{current}'. The instance is called '{instance.name}'.")
    check_stopped(call, instance, "it is renamed")
    path = f"{instance.scope}/instances/{name}"
    if name != instance.name:
        found = await machines.find(call.cloudstack, call.sidecar, call.owner_id, instance.location, name)
        taken = found or await call.operations.holder(call.owner_id, path)
        check_free(call.resource(f"{instance.scope}/instances"), [name], [name] if taken else [])
    disks = await disks_of(call, instance.machine.id)
    request = Rename(
        machine_id=instance.machine.id,
        kind=instance.kind,
        name=instance.name,
        new_name=name,
        marked=instance.location.security_groups,
        disks={disk.volume.id: disk.name for disk in disks if "name" not in disk.facts},
        disk_kind=volumes.kind(instance.location.id),
    )
    return await begin(call, rename, instance, request, (path,))


@work("instances.setName", Rename)
async def rename(op: Op, request: Rename) -> None:
    """Rename the machine in CloudStack, under the first host name that it takes, and in the sidecar.

    CloudStack's refusal does not tell whether the name is taken. So if it refuses the plain name, try a marked one.
    """
    if request.new_name == request.name:
        return
    for index, (uuid, name) in enumerate(request.disks.items()):
        await op.keep(f"disk-{index}", uuid, request.disk_kind, {"name": name})
    marked = machines.marked(request.new_name, suffix(op.operation.id))
    plain = not request.marked
    if plain:
        try:
            await machine_steps.rename(op, "rename-plain", request.machine_id, request.new_name, request.new_name)
        except Refusal:
            plain = False
    if not plain:
        await machine_steps.rename(op, "rename-marked", request.machine_id, marked, request.new_name)
    await op.keep("facts", request.machine_id, request.kind, {"name": request.new_name})


# Machine type


class MachineType(msgspec.Struct, frozen=True):
    """The offering to change to. `machine_type` is the type's name as the request had it, which is shown later."""

    machine_id: str
    kind: str
    choice: MachineChoice
    machine_type: str


@serves("compute.instances.setMachineType")
async def set_machine_type(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    check_stopped(call, instance, "its machine type is changed")
    reference = call.body.get("machineType")
    if not reference:
        raise Problem.required("machineType")
    request = await machine_type_request(call, instance, reference, "machineType")
    return await begin(call, change_machine_type, instance, request)


async def machine_type_request(call: Call, instance: Instance, reference: str, field: str) -> MachineType:
    """The request that gives an instance this machine type; 400 on `field` where the zone does not have it."""
    choice = await service_offerings.choose(call, reference, field, instance.location)
    return MachineType(instance.machine.id, instance.kind, choice, last_name(reference))


@work("instances.setMachineType", MachineType)
async def change_machine_type(op: Op, request: MachineType) -> None:
    """Give the machine another service offering, and keep the name of its type."""
    choice = request.choice

    def changed(machine: VirtualMachine) -> bool:
        same_size = choice.cpu in {None, machine.cpunumber} and choice.memory_mb in {None, machine.memory}
        return machine.serviceofferingid == choice.offering_id and same_size

    parameters = {"id": request.machine_id, "serviceofferingid": choice.offering_id, "details": choice.details}
    probe = reached("listVirtualMachines", VirtualMachine, request.machine_id, changed)
    await op.run("resize", "changeServiceForVirtualMachine", parameters, probe=probe)
    await op.keep("facts", request.machine_id, request.kind, {"machine_type": request.machine_type})


# Deletion protection


class Protection(msgspec.Struct, frozen=True):
    """Whether the machine is to be protected against deletion."""

    machine_id: str
    protected: bool


@serves("compute.instances.setDeletionProtection")
async def set_deletion_protection(call: Call) -> dict[str, Any]:
    """Without the parameter the machine is protected: Google's default."""
    instance = await find_instance(call)
    protected = call.params.get("deletionProtection")
    request = Protection(instance.machine.id, True if protected is None else bool(protected))
    return await begin(call, protect, instance, request)


@queued
@work("instances.setDeletionProtection", Protection)
async def protect(op: Op, request: Protection) -> None:
    """Protect the machine, or end its protection."""
    parameters = {"id": request.machine_id, "deleteprotection": request.protected}
    await op.run("protect", "updateVirtualMachine", parameters, probe=harmless)


# What is accepted without effect


class Accepted(msgspec.Struct, frozen=True):
    """A field of the instance and the value to show. An empty value removes it; an empty field does nothing."""

    machine_id: str
    kind: str
    field: str = ""
    value: Any = None


@serves("compute.instances.setScheduling")
async def set_scheduling(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    scheduling = check_scheduling(call.body, "scheduling")
    call.warn(refused.IGNORED, _SCHEDULING)
    return await begin(call, accept, instance, accepted_request(instance, "scheduling", scheduling))


@serves("compute.instances.setMinCpuPlatform")
async def set_min_cpu_platform(call: Call) -> dict[str, Any]:
    """Only for a stopped machine, as on GCE."""
    instance = await find_instance(call)
    check_stopped(call, instance, "its minimum CPU platform is changed")
    call.warn(refused.IGNORED, "minCpuPlatform is kept and has no effect: the cloud chooses its processors.")
    platform = call.body.get("minCpuPlatform")
    return await begin(call, accept, instance, accepted_request(instance, "minCpuPlatform", platform))


@serves("compute.instances.setServiceAccount")
async def set_service_account(call: Call) -> dict[str, Any]:
    """Only for a stopped machine, as on GCE. Without an email the machine has no service account."""
    instance = await find_instance(call)
    check_stopped(call, instance, "its service account is changed")
    call.warn(refused.IGNORED, "serviceAccounts is kept and has no effect: machines here get no tokens.")
    accounts = service_accounts(call, [call.body] if call.body.get("email") else [])
    return await begin(call, accept, instance, accepted_request(instance, "serviceAccounts", accounts))


@serves("compute.instances.updateShieldedInstanceConfig")
async def update_shielded_instance_config(call: Call) -> dict[str, Any]:
    """Only for a stopped machine, as on GCE. A patch: an option that is not sent stays."""
    instance = await find_instance(call)
    check_stopped(call, instance, "its shielded options are changed")
    before = instance.facts.get("kept", {}).get("shieldedInstanceConfig", {})
    call.warn(refused.IGNORED, "shieldedInstanceConfig is kept and has no effect: machines here are not shielded.")
    options = {**before, **call.body}
    return await begin(call, accept, instance, accepted_request(instance, "shieldedInstanceConfig", options))


@serves("compute.instances.setShieldedInstanceIntegrityPolicy")
async def set_shielded_instance_integrity_policy(call: Call) -> dict[str, Any]:
    """Change nothing: machines here have no integrity policy."""
    instance = await find_instance(call)
    call.warn(refused.IGNORED, "updateAutoLearnPolicy has no effect: machines here are not shielded.")
    return await begin(call, accept, instance, accepted_request(instance, "", None))


def accepted_request(instance: Instance, field: str, value: Any) -> Accepted:
    """The request that makes an instance show this value."""
    return Accepted(instance.machine.id, instance.kind, field, value or None)


def service_accounts(call: Call, accounts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Service accounts as they are shown: `default` is replaced by its e-mail."""
    shown = refused.accepted({"serviceAccounts": accounts}, default_account(call.owner_id))
    return list(shown.get("serviceAccounts", []))


@queued
@work("instances.keep", Accepted)
async def accept(op: Op, request: Accepted) -> None:
    """Store one value beside the other accepted ones."""
    machine_id, field = request.machine_id, request.field
    if not field:
        return

    async def joined() -> dict[str, Any]:
        before = (await op.sidecar.facts([machine_id])).get(machine_id, {}).get("kept", {})
        return {name: value for name, value in {**before, field: request.value}.items() if value}

    await op.keep("facts", machine_id, request.kind, {"kept": await op.decide("joined", joined)})
