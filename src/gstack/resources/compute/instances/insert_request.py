"""Checks the request of instances.insert and finds everything that it names, before the operation begins.

Changes nothing. With `sourceInstanceTemplate` a field of the body replaces the instance template's field as a whole:
Google merges nothing within a field. Names are unique in the zone: 409 if an instance or a disk has the name. Checks do
not see what other accounts have, so only the work finds out that a host name on a shared network is taken.

The first interface is CloudStack's default NIC. As on GCE, each interface is in a different network. In zones with
security groups a machine has one interface, in the guest network, and its address is also the external address.
CloudStack gives a machine one static NAT, so only one interface has an external address: an ephemeral address, or one
that the account owns.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances.access_configs import REFUSED, find_address
from gstack.resources.compute.instances.insert_disks import disk_specs
from gstack.resources.compute.instances.spec import AccessSpec, InstanceSpec, InterfaceSpec
from gstack.resources.inventory import machines, placements, projects, service_offerings, volumes
from gstack.resources.inventory.instance_templates import template_properties
from gstack.resources.inventory.internal_addresses import check_internal_address
from gstack.resources.inventory.names import check_free
from gstack.resources.inventory.networks import ISOLATED, VPC
from gstack.resources.inventory.placements import Placement
from gstack.resources.inventory.projects import default_account
from gstack.resources.inventory.zones import Location
from gstack.resources.shared import refused
from gstack.resources.shared.instance_properties import EXTERNAL_NAME, check_access_config, check_served, check_tags
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import check_description, check_labels, check_name
from gstack.resources.shared.present import present
from gstack.resources.shared.references import last_name
from gstack.resources.shared.user_data import keys_without_effect, user_data, without_effect

_NICS = "resource.networkInterfaces"
_MOST_NICS = 8  # Google's limit


async def add_template(call: Call, reference: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body, completed with the properties of the instance template that it refers to."""
    return merge_template(await template_properties(call, reference), body) if reference else dict(body)


def merge_template(properties: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a body with an instance template's properties. A field that is empty in the body counts as not sent."""
    return {**properties, **present(body)}


async def instance_spec(call: Call, location: Location, body: Mapping[str, Any]) -> InstanceSpec:
    """Return the instance that a body describes. Problems are Google's: 400, 404, 409."""
    name = check_name("resource.name", body.get("name"))
    check_served(body, "resource")
    metadata = check_metadata(body.get("metadata"), "resource.metadata")
    for key in keys_without_effect(metadata):
        call.warn(refused.IGNORED, without_effect(key))
    document = user_data(metadata, await projects.common_metadata(call.sidecar, call.owner_id))
    if not body.get("machineType"):
        raise Problem.required("resource.machineType")
    machine = await service_offerings.choose(call, body["machineType"], "resource.machineType", location)
    machine_type = last_name(body["machineType"])
    template_id, boot, data = await disk_specs(call, location, body.get("disks") or [], name)
    interfaces, access = await _interfaces(call, location, body.get("networkInterfaces") or [])
    spec = InstanceSpec(
        name=name,
        zone=location.zone,
        template_id=template_id,
        machine=machine,
        interfaces=interfaces,
        boot=boot,
        data=data,
        access=access,
        machine_type=machine_type if service_offerings.custom_size(machine_type) else "",
        labels=check_labels(body.get("labels")),
        tags=tuple(check_tags(body.get("tags"), "resource.tags")),
        metadata=metadata,
        user_data=base64.b64encode(document).decode(),
        description=check_description(body),
        accepted=_accepted(call, body),
        deletion_protection=bool(body.get("deletionProtection")),
    )
    await _check_names(call, location, spec)
    return spec


def _accepted(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have no effect, with their warnings."""
    account = default_account(call.owner_id)
    accepted = refused.accepted(body, account)
    for message in (*refused.warnings(accepted, account), *refused.ignored(body)):
        call.warn(refused.IGNORED, message)
    return accepted


async def _check_names(call: Call, location: Location, spec: InstanceSpec) -> None:
    """409 if the zone already has an instance or a disk with a name that the request would create."""
    found, taken = await asyncio.gather(
        machines.find(call.cloudstack, call.sidecar, call.owner_id, location, spec.name),
        _disk_names(call, location, spec),
    )
    zone = call.resource(f"zones/{location.zone}")
    check_free(f"{zone}/instances", [spec.name], [spec.name] if found else [])
    check_free(f"{zone}/disks", spec.new_disks, taken)


async def _disk_names(call: Call, location: Location, spec: InstanceSpec) -> set[str]:
    """The names of disks in the zone that matter. One list gives all of them; the instance's own name costs less.

    The machine itself tells whether its boot disk has the name of the instance.
    """
    names = {*spec.new_disks}
    if not names:
        return names
    if names == {spec.name}:
        found = await volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, spec.name, of_machines=False)
        return names if found else set()
    listed = await volumes.search(call.cloudstack, call.sidecar, {"zoneid": location.id})
    return {one.name for one in listed}


async def _interfaces(
    call: Call, location: Location, nics: Sequence[Mapping[str, Any]]
) -> tuple[tuple[InterfaceSpec, ...], AccessSpec | None]:
    """Return where the interfaces go, and the one access config."""
    if not nics:
        raise Problem.invalid(_NICS, "''. At least one network interface is required.")
    if len(nics) > _MOST_NICS:
        raise Problem.invalid(_NICS, f"an instance has at most {_MOST_NICS} network interfaces, {len(nics)} were sent.")
    if len(nics) > 1 and location.security_groups:
        why = f"in zone '{location.zone}', which has security groups, CloudStack gives a machine one interface."
        raise Problem.unsupported(f"{_NICS}[1]", why)
    configs = {
        index: config
        for index, nic in enumerate(nics)
        if (config := check_access_config(nic.get("accessConfigs"), f"{_NICS}[{index}]", REFUSED)) is not None
    }
    interfaces = [await _interface(call, location, nic, f"{_NICS}[{index}]") for index, nic in enumerate(nics)]
    for index, interface in enumerate(interfaces):
        network = interface.placement.network_path
        if network in {other.placement.network_path for other in interfaces[:index]}:
            why = f"'{network}'. Networks must be distinct for the network interfaces of an instance."
            raise Problem.invalid(f"{_NICS}[{index}].network", why)
    if len(configs) > 1:
        why = "CloudStack gives a machine one external address. Send accessConfigs for one interface."
        raise Problem.unsupported(f"{_NICS}[{sorted(configs)[1]}].accessConfigs", why)
    if not configs:
        return tuple(interfaces), None
    ((index, config),) = configs.items()
    return tuple(interfaces), await _access(call, location, interfaces[index].placement, config, index)


async def _interface(call: Call, location: Location, nic: Mapping[str, Any], field: str) -> InterfaceSpec:
    refused.refuse(nic, refused.INTERFACE, field)
    placement = await placements.resolve_placement(call, location, nic.get("network"), nic.get("subnetwork"), field)
    address = nic.get("networkIP", "")
    if address:
        await check_internal_address(call, address, f"{field}.networkIP", placement.network_id, placement.cidr)
    return InterfaceSpec(placement, address)


async def _access(
    call: Call, location: Location, placement: Placement, config: Mapping[str, Any], index: int
) -> AccessSpec:
    name, nat_ip = str(config.get("name") or EXTERNAL_NAME), config.get("natIP", "")
    if not nat_ip:
        return AccessSpec(name, index)
    field = f"{_NICS}[{index}].accessConfigs[0].natIP"
    if location.security_groups:
        why = "in this zone the guest address is also the external address, and CloudStack cannot give another."
        raise Problem.unsupported(field, why)
    if placement.kind not in {VPC, ISOLATED}:
        raise Problem.unsupported(field, "CloudStack has no static NAT in this network.")
    address, lock = await find_address(call, location, placement.place, nat_ip, field)
    return AccessSpec(name, index, address, lock)
