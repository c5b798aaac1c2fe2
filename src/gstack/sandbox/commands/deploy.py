"""deployVirtualMachine: the checks before the job, what exists from then on, and the job itself."""

from __future__ import annotations

import re
from typing import Any

from gstack.sandbox import limits, machines, nics, volumes
from gstack.sandbox.commands import instance_groups
from gstack.sandbox.commands.networks import isolated_network
from gstack.sandbox.commands.user_data import checked_user_data
from gstack.sandbox.errors import CloudStackError, denied, invalid, missing_entity, parameter_error
from gstack.sandbox.registry import Answer, Call, Job, begin, command, failure, work
from gstack.sandbox.world import Row, new_id, now

GIB = 1024**3
Place = tuple[Row, str | None]  # a network and the address that was asked for on it
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@command(
    "deployVirtualMachine",
    serviceofferingid="serviceoffering",
    networkids="network",
    securitygroupids="securitygroup",
    affinitygroupids="affinitygroup",
    volumeid="volume",
    snapshotid="snapshot",
    overridediskofferingid="diskoffering",
)
def deploy(call: Call) -> Job:
    _check_name(call)
    template = _template(call)
    sizes = sizes_of(call.entity("serviceoffering", "serviceofferingid"), call.details())
    disks = _data_disks(call)
    root = _root(call, template)
    keys = _key_pairs(call)
    places = _networks(call)
    groups = _security_groups(call)
    row = _new_machine(call, template, sizes, keys, groups)
    nics.check_host_name(call.world, [network for network, _ in places], row["name"])
    _check_limits(call, sizes, [root["size"], *(disk["size"] for disk in disks)])
    call.world.put("virtualmachine", row)
    _connect(call, row, places)
    _make_volumes(call, row, template, root, disks)
    return Job("VirtualMachine", row["id"], queue=row["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


def _check_limits(call: Call, sizes: dict[str, int], disks: list[int]) -> None:
    limits.require(
        call.world,
        call.owner,
        user_vm=1,
        cpu=sizes["cpunumber"],
        memory=sizes["memory"],
        volume=len(disks),
        primary_storage=sum(disks) // GIB,
    )


def _connect(call: Call, row: Row, places: list[Place]) -> None:
    try:
        for network, address in places:
            nics.allocate(call.world, network, row, address)
    except CloudStackError as error:
        error.keeps = True  # as recorded: a machine in state Error, without NICs, stays behind
        for nic in nics.of_machine(call.world, row["id"]):
            nics.free(call.world, nic)
        details = {**row["details"], "deployvm": "true"}
        call.world.update("virtualmachine", row["id"], state="Error", details=details, lastupdated=now())
        raise


def _check_name(call: Call) -> None:
    name = call.args.get("name")
    if name is not None and not NAME.fullmatch(name):
        raise parameter_error(
            "Unable to execute API command deployvirtualmachine due to invalid value. Invalid value provided for API "
            "arg: name - it can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the hyphen "
            "('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" and can't start with "
            "digit"
        )


def _template(call: Call) -> Row:
    if "volumeid" in call.args or "snapshotid" in call.args:  # CloudStack checks this too, and its simulator is no KVM
        raise invalid(
            "Deploying a virtual machine with existing volume/snapshot is supported only from KVM hypervisors"
        )
    template = call.optional("template", "templateid")
    if template is None:
        raise invalid("Unable to use template null: give templateid; the sandbox deploys from templates only")
    shared = template["ispublic"] or template.get("permitted", [])
    if not shared and not call.may_use(template):
        raise CloudStackError(531, f"Account {call.account['name']} does not have permission to use template", 4365)
    if call.args["zoneid"] not in template["zoneids"]:
        raise invalid(f"Template {template['name']} is not available in the zone")
    return template


def sizes_of(offering: Row, details: dict[str, str]) -> dict[str, int]:
    """Return processors, MHz and MB of a machine; a customised offering takes them from `details`."""
    if not offering["iscustomized"]:
        return {field: offering[field] for field in ("cpunumber", "cpuspeed", "memory")}
    bounds = offering["serviceofferingdetails"]
    given = {name.lower(): value for name, value in details.items()}
    if "cpunumber" not in given or "memory" not in given:
        raise invalid("Need to specify custom parameter values cpu, cpu speed and memory when using custom offering")
    processors = _within(given["cpunumber"], bounds["mincpunumber"], bounds["maxcpunumber"], "CPU cores")
    memory = _within(given["memory"], bounds["minmemory"], bounds["maxmemory"], "memory")
    return {"cpunumber": processors, "cpuspeed": offering["cpuspeed"], "memory": memory}


def _within(text: str, low: str, high: str, what: str) -> int:
    if not text.isdigit() or not int(low) <= int(text) <= int(high):
        raise invalid(f"Invalid {what} value, specify a value between {low} and {high}")
    return int(text)


def _data_disks(call: Call) -> list[dict[str, Any]]:
    """Return the data disks to make with the machine: bytes, offering and device number of each."""
    wanted = [_disk(call, entry) for entry in call.args.get("datadisksdetails", [])]
    offering = call.optional("diskoffering", "diskofferingid")
    if offering:
        wanted.append({"offering": offering, "size": volumes.offered_size(offering, call.args.get("size"))})
    return wanted


def _disk(call: Call, entry: dict[str, str]) -> dict[str, Any]:
    offering = call.world.get("diskoffering", entry.get("diskofferingid"))
    if offering is None:
        raise invalid("Unable to find disk offering of datadiskdetails")
    if "deviceid" not in entry:
        raise invalid("deviceid parameter is required for datadiskdetails")
    size = int(entry["size"]) if entry.get("size", "").isdigit() else None
    return {
        "offering": offering,
        "size": volumes.offered_size(offering, size),
        "deviceid": int(entry["deviceid"]),
    }


def _root(call: Call, template: Row) -> Row:
    """Return the size of the root volume and, if the call overrides it, its disk offering."""
    override = call.optional("diskoffering", "overridediskofferingid")
    offered = {"diskofferingid": override["id"]} if override else {}
    return {"size": _root_size(call, template, override), **offered}


def _root_size(call: Call, template: Row, override: Row | None) -> int:
    """Return the bytes of the root disk; a fixed offering overrides the requested size."""
    wanted = call.args.get("rootdisksize")
    if override:
        wanted = volumes.offered_size(override, wanted if override["iscustomized"] else None) // GIB
    size: int = template["size"]
    if wanted is None:
        return size
    if wanted <= 0:
        raise invalid("Root disk size should be a positive number.")
    if wanted * GIB < size:
        raise invalid(
            f"Unsupported: rootdisksize override ({wanted} GB) is smaller than template size "
            f"({size / GIB:.2f} GB) {size}"
        )
    return int(wanted) * GIB


def _key_pairs(call: Call) -> list[Row]:
    names = call.args.get("keypairs") or ([call.args["keypair"]] if call.args.get("keypair") else [])
    return [_key_pair(call, name) for name in names]


def _key_pair(call: Call, name: str) -> Row:
    row = call.world.first("sshkeypair", name=name, accountid=call.owner["id"])
    if row is None:
        raise invalid(f"A key pair with name '{name}' was not found.")
    return row


def key_details(keys: list[Row]) -> dict[str, str]:
    """Return the details in which CloudStack stores the key pairs of a machine."""
    if not keys:
        return {}
    public = "\n".join(row["publickey"] for row in keys)
    return {"SSH.PublicKey": public, "SSH.KeyPairNames": ",".join(row["name"] for row in keys)}


def _networks(call: Call) -> list[Place]:
    """Return the networks of a deployment, the default one first."""
    zone = call.entity("zone", "zoneid")
    given = _given(call)
    if zone["networktype"] == "Basic":
        if given:
            raise invalid("Can't specify network Ids in Basic zone")
        return [(call.world.find("network", zoneid=zone["id"], type="Shared")[0], call.args.get("ipaddress"))]
    if not given:
        return [(_implied(call, zone), call.args.get("ipaddress"))]
    for network, _ in given:
        _check_network(call, zone, network)
    return given


def _given(call: Call) -> list[Place]:
    mapped = [_mapped(call, entry) for entry in call.args.get("iptonetworklist", [])]
    if mapped and call.args.get("networkids"):
        raise invalid("ipToNetworkMap can't be specified along with networkIds or ipAddress")
    if mapped:
        return mapped
    first = call.args.get("ipaddress")
    rows = [call.world.one("network", identity) for identity in call.args.get("networkids", [])]
    return [(row, first if number == 0 else None) for number, row in enumerate(rows)]


def _mapped(call: Call, entry: dict[str, str]) -> Place:
    network = call.world.get("network", entry.get("networkid"))
    if network is None:
        raise missing_entity(call.name, "networkid", entry.get("networkid", ""))
    return network, entry.get("ip")


def _check_network(call: Call, zone: Row, network: Row) -> None:
    if network.get("accountid") not in (None, call.owner["id"]):
        raise denied(f"Unable to use network with id= {network['id']}, permission denied")
    if network["zoneid"] != zone["id"]:
        raise invalid(f"Network id={network['id']} doesn't belong to zone {zone['id']}")


def _implied(call: Call, zone: Row) -> Row:
    """Return the network of a deployment that names none: the only one of the account, or a new one."""
    if zone["securitygroupsenabled"]:
        return call.world.find("network", zoneid=zone["id"], type="Shared")[0]
    own = [
        row
        for row in call.world.find("network", accountid=call.owner["id"], zoneid=zone["id"])
        if row["type"] == "Isolated" and not row.get("vpcid")
    ]
    if len(own) > 1:
        name = call.owner["name"]
        raise invalid(f"More than 1 default Isolated networks are found for account {name}; please specify networkIds")
    name = f"{call.owner['name']}-network"
    return own[0] if own else call.world.put("network", isolated_network(call.world, zone, call.owner, name))


def _security_groups(call: Call) -> list[str]:
    """Return the security groups that a new machine joins: the named ones, or else the owner's `default`."""
    zone = call.entity("zone", "zoneid")
    named = named_groups(call)
    if not zone["securitygroupsenabled"]:
        if named:
            raise invalid("Can't create vm with security groups; security group feature is not enabled per zone")
        return []
    return named or [call.world.find("securitygroup", accountid=call.owner["id"], name="default")[0]["id"]]


def named_groups(call: Call) -> list[str]:
    """Return the ids in `securitygroupids` or behind `securitygroupnames`."""
    ids = list(call.args.get("securitygroupids", []))
    names = call.args.get("securitygroupnames", [])
    if ids and names:
        raise invalid("securitygroupids parameter is mutually exclusive with securitygroupnames parameter")
    for name in names:
        row = call.world.first("securitygroup", accountid=call.owner["id"], name=name)
        if row is None:
            raise invalid(f"Unable to find group by name {name}")
        ids.append(row["id"])
    return list(dict.fromkeys(ids))


def _new_machine(call: Call, template: Row, sizes: dict[str, int], keys: list[Row], groups: list[str]) -> Row:
    identity = new_id()
    name = call.args.get("name", f"VM-{identity}")
    started = call.args.get("startvm", True)
    details = {**call.details(), **key_details(keys), **({} if started else {"deployvm": "true"})}
    row: Row = {
        "id": identity,
        "number": call.world.next_number("virtualmachine"),
        "name": name,
        "hostname": name.lower(),
        "accountid": call.owner["id"],
        "userid": call.user["id"],
        "zoneid": call.args["zoneid"],
        "state": "Stopped",
        "serviceofferingid": call.args["serviceofferingid"],
        "templateid": template["id"],
        "templatefacts": {field: template[field] for field in ("id", "name", "templatetype", "format", "displaytext")},
        "ostypeid": template["ostypeid"],
        **sizes,
        "details": details,
        "securitygroupids": groups,
        "affinitygroupids": _affinity(call),
        "hiddendetails": "rootdisksize" in call.args or bool(template["details"]),
        "created": now(),
    }
    return row | _optional(call)


def _optional(call: Call) -> Row:
    row: Row = {field: call.args[field] for field in ("displayname", "diskofferingid") if call.args.get(field)}
    if call.args.get("group"):
        row["groupid"] = instance_groups.named(call.world, call.args["group"], call.owner["id"])["id"]
    if call.args.get("userdata"):
        row["userdata"] = checked_user_data(call)
    registered = call.optional("userdata", "userdataid")
    if registered and "userdata" in row:
        raise invalid("Both userdata and userdata ID inputs are not allowed, please provide only one")
    if registered:
        row |= {"userdata": registered["userdata"], "userdataid": registered["id"]}
    return row


def _affinity(call: Call) -> list[str]:
    ids = list(call.args.get("affinitygroupids", []))
    for name in call.args.get("affinitygroupnames", []):
        row = call.world.first("affinitygroup", name=name, accountid=call.owner["id"])
        if row is None:
            raise invalid(f"Unable to find group by name {name}")
        ids.append(row["id"])
    return ids


def _make_volumes(call: Call, row: Row, template: Row, root: Row, disks: list[dict[str, Any]]) -> None:
    common = {"zoneid": row["zoneid"], "accountid": row["accountid"], "virtualmachineid": row["id"]}
    volumes.new(
        call.world,
        name=f"ROOT-{row['number']}",
        type=volumes.ROOT,
        deviceid=0,
        templateid=template["id"],
        serviceofferingid=row["serviceofferingid"],
        **root,
        **common,
    )
    for disk in disks:
        volumes.new(
            call.world,
            name=f"DATA-{row['number']}",
            type=volumes.DATA,
            size=disk["size"],
            deviceid=disk.get("deviceid", volumes.next_device(call.world, row["id"])),
            diskofferingid=disk["offering"]["id"],
            **common,
        )


@begin("deployVirtualMachine")
def deploying(call: Call) -> None:
    if call.args.get("startvm", True):
        machines.set_state(call.world, _machine(call), "Starting")


@failure("deployVirtualMachine")
def not_deployed(call: Call) -> None:
    machines.set_state(call.world, _machine(call), "Error")


@work("deployVirtualMachine")
def deployed(call: Call) -> Answer:
    row = _machine(call)
    if call.args.get("startvm", True):
        row = machines.start(call.world, row)
    return {"virtualmachine": machines.view(call.world, row)}


def _machine(call: Call) -> Row:
    return call.world.one("virtualmachine", call.facts["id"])
