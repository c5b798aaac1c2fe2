"""What a fresh sandbox holds: zones, offerings, templates, accounts, the shared guest networks, public addresses.

`data/seed.json` holds the answers of a real CloudStack for network and VPC offerings, OS types and the like. Ids in it
are `#n`; each world replaces them by random uuids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from ipaddress import IPv4Network
from typing import Any

import msgspec

from gstack.sandbox.settings import AccountKeys, SandboxSettings, ZoneSpec
from gstack.sandbox.world import Row, World, new_id, now

GIB = 1024**3
PUBLIC_ADDRESSES = 250
FIRST_PUBLIC = 4  # CloudStack's system machines have the first ones of a zone
SHARED_OFFERING = "DefaultSharedNetworkOfferingWithSGService"
# name, text, processors, MHz, MB: CloudStack's own two first, then the names that users of Compute Engine type
OFFERINGS: tuple[tuple[str, str, int, int, int], ...] = (
    ("Small Instance", "Small Instance", 1, 500, 512),
    ("Medium Instance", "Medium Instance", 1, 1000, 1024),
)
CLOUDSTACKS_OWN = tuple(offering[0] for offering in OFFERINGS)
GCE_OFFERINGS = (
    ("n1-standard-1", "1 vCPU, 3.75 GB", 1, 2000, 3840),
    ("n1-standard-2", "2 vCPU, 7.5 GB", 2, 2000, 7680),
    ("n1-standard-4", "4 vCPU, 15 GB", 4, 2000, 15360),
    ("e2-micro", "2 vCPU, 1 GB", 2, 2000, 1024),
    ("e2-small", "2 vCPU, 2 GB", 2, 2000, 2048),
    ("e2-medium", "2 vCPU, 4 GB", 2, 2000, 4096),
    ("e2-standard-2", "2 vCPU, 8 GB", 2, 2000, 8192),
    ("e2-standard-4", "4 vCPU, 16 GB", 4, 2000, 16384),
)
# name, OS type, family
TEMPLATES: tuple[tuple[str, str, str | None], ...] = (
    ("CentOS 5.6 (64-bit) no GUI (Simulator)", "CentOS 5.6 (64-bit)", None),
)
GCE_TEMPLATES: tuple[tuple[str, str, str | None], ...] = (
    ("debian-12-v20260101", "Debian GNU/Linux 12 (64-bit)", "debian-12"),
    ("ubuntu-2404-lts-v20260101", "Ubuntu 24.04 LTS", "ubuntu-2404-lts"),
    ("rocky-linux-9-v20260101", "Rocky Linux 9", "rocky-linux-9"),
)


def seed(world: World, settings: SandboxSettings) -> None:
    """Fill a fresh world; in an existing one only add the accounts of the settings that are missing."""
    with world.transaction():
        if world.count("domain") == 0:
            _fill(world, settings)
        for keys in settings.accounts:
            _account(world, keys, settings.limits)


def _fill(world: World, settings: SandboxSettings) -> None:
    domain = world.put("domain", {"id": new_id(), "name": "ROOT", "path": "ROOT"})
    system = {"id": new_id(), "name": "system", "domainid": domain["id"], "created": now()}
    world.put("account", system)
    world.put("role", {"id": new_id(), "name": "User"})
    _facts(world)
    for offering in (*OFFERINGS, *(() if settings.plain_seed else GCE_OFFERINGS)):
        add_service_offering(world, *offering)
    if not settings.plain_seed:
        add_custom_offering(world)
    for number, zone in enumerate(settings.zones, 1):
        _zone(world, zone, number, domain)
    for template in (*TEMPLATES, *(() if settings.plain_seed else GCE_TEMPLATES)):
        _template(world, *template, system)


def _facts(world: World) -> None:
    text = files("gstack.sandbox").joinpath("data/seed.json").read_text()
    for mark in sorted(set(re.findall(r'"#\d+"', text))):
        text = text.replace(mark, f'"{new_id()}"')
    kinds: dict[str, list[Row]] = msgspec.json.decode(text)
    for kind, rows in kinds.items():
        for row in rows:
            world.put(kind, row if kind.startswith("os") else {**row, "created": now()})


def add_service_offering(world: World, name: str, text: str, processors: int, megahertz: int, megabytes: int) -> Row:
    sizes = {"cpunumber": processors, "cpuspeed": megahertz, "memory": megabytes, "iscustomized": False}
    gpu = {} if name in CLOUDSTACKS_OWN else {"gpudisplay": False}  # as recorded, CloudStack's own two lack it
    return world.put("serviceoffering", {**_offering(name, text), **sizes, **gpu})


def add_custom_offering(world: World, name: str = "Custom Instance", text: str = "custom cpu and memory") -> Row:
    """Add an offering whose processors (1-16) and memory (128-65536 MB) are chosen at deployment."""
    limits = {"maxcpunumber": "16", "mincpunumber": "1", "minmemory": "128", "maxmemory": "65536"}
    sizes = {"cpuspeed": 1000, "serviceofferingdetails": limits, "iscustomized": True, "gpudisplay": False}
    return world.put("serviceoffering", {**_offering(name, text), **sizes})


def _offering(name: str, text: str) -> Row:
    return {
        "id": new_id(),
        "name": name,
        "state": "Active",
        "displaytext": text,
        "created": now(),
        "storagetype": "shared",
        "provisioningtype": "thin",
        "offerha": False,
        "limitcpuuse": False,
        "isvolatile": False,
        "issystem": False,
        "defaultuse": False,
        "rootdisksize": 0,
        "dynamicscalingenabled": True,
        "diskofferingstrictness": False,
        "diskofferingid": new_id(),
        "diskofferingname": name,
        "diskofferingdisplaytext": text,
        "encryptroot": False,
        "hasannotations": False,
    }


def _zone(world: World, spec: ZoneSpec, number: int, domain: Row) -> None:
    zone = world.put(
        "zone",
        {
            "id": new_id(),
            "name": spec.name,
            "networktype": spec.networktype,
            "securitygroupsenabled": spec.securitygroups,
            "zonetoken": new_id(),
            "number": number,
            "physicalnetworkid": new_id(),
            "publicnetworkid": new_id(),
            "created": now(),
        },
    )
    if spec.securitygroups or spec.networktype == "Basic":
        cidr = f"60.{number}.0.0/16" if spec.networktype == "Basic" else f"10.{20 + number}.0.0/16"
        world.put("network", shared_network(world, zone, domain, IPv4Network(cidr)))
    if spec.networktype == "Advanced":
        for host in range(FIRST_PUBLIC, FIRST_PUBLIC + PUBLIC_ADDRESSES):
            world.put("publicip", _public_address(world, zone, f"192.168.{number}.{host}"))


def shared_network(world: World, zone: Row, domain: Row, cidr: IPv4Network) -> Row:
    """Return a shared guest network that every account of the domain may use."""
    offering = world.find("networkoffering", name=SHARED_OFFERING)[0]
    basic = zone["networktype"] == "Basic"
    return {
        "id": new_id(),
        "number": world.next_number("network"),
        "name": f"{zone['name']}-guest",
        "displaytext": f"{zone['name']} guest",
        "type": "Shared",
        "zoneid": zone["id"],
        "networkofferingid": offering["id"],
        "gateway": str(cidr[1]),
        "netmask": str(cidr.netmask),
        "cidr": str(cidr),
        "vlan": "untagged" if basic else str(100 + zone["number"]),
        "broadcastdomaintype": "Native" if basic else "Vlan",
        "state": "Setup",
        "acltype": "Domain",
        "domainid": domain["id"],
        "networkdomain": "cs1cloud.internal",
        "dns1": "8.8.8.8",
        "created": now(),
    }


def _public_address(world: World, zone: Row, address: str) -> Row:
    return {
        "id": new_id(),
        "number": world.next_number("publicip"),
        "ipaddress": address,
        "zoneid": zone["id"],
        "state": "Free",
        "issourcenat": False,
        "isstaticnat": False,
    }


def _template(world: World, name: str, ostype: str, family: str | None, system: Row) -> None:
    row = world.put("template", template_row(world, name, ostype, system))
    if family:
        world.put("tag", tag_row(row, "Template", "family", family, system))


def template_row(world: World, name: str, ostype: str, account: Row) -> Row:
    return {
        "id": new_id(),
        "number": world.next_number("template"),
        "name": name,
        "displaytext": name,
        "accountid": account["id"],
        "ispublic": True,
        "isfeatured": True,
        "crosszones": True,
        "zoneids": [zone["id"] for zone in world.all("zone")],
        "ostypeid": world.find("ostype", name=ostype)[0]["id"],
        "format": "VHD",
        "hypervisor": "Simulator",
        "templatetype": "BUILTIN",
        "size": 2 * GIB,
        "status": "ready",
        "details": {},
        "isextractable": False,
        "created": now(),
    }


def tag_row(row: Row, resourcetype: str, key: str, value: str, account: Row) -> dict[str, Any]:
    return {
        "id": new_id(),
        "key": key,
        "value": value,
        "resourcetype": resourcetype,
        "resourceid": row["id"],
        "accountid": account["id"],
    }


def _account(world: World, keys: AccountKeys, limits: Mapping[str, int]) -> None:
    account = world.first("account", name=keys.name) or _new_account(world, keys)
    world.update("account", account["id"], limits=dict(limits) or None)
    user = world.find("user", username=keys.name)[0]
    if user["password"] != keys.password:
        world.update("user", user["id"], password=keys.password)
    if keys.api_key and world.first("userkey", apikey=keys.api_key) is None:
        _key_pair(world, user, keys)


def _new_account(world: World, keys: AccountKeys) -> Row:
    domain = world.all("domain")[0]
    account = world.put("account", {"id": new_id(), "name": keys.name, "domainid": domain["id"], "created": now()})
    world.put("user", _user(account, keys))
    add_default_group(world, account)
    return account


def add_default_group(world: World, account: Row) -> Row:
    """Give an account its security group `default`, which machines join unless their deployment names others."""
    text = "Default Security Group"
    row = {"id": new_id(), "name": "default", "description": text, "accountid": account["id"]}
    return world.put("securitygroup", row)


def _user(account: Row, keys: AccountKeys) -> Row:
    return {
        "id": new_id(),
        "username": keys.name,
        "firstname": keys.name.capitalize(),
        "lastname": "Sandbox",
        "email": f"{keys.name}@example.org",
        "password": keys.password,
        "accountid": account["id"],
        "created": now(),
    }


def _key_pair(world: World, user: Row, keys: AccountKeys) -> None:
    number = world.next_number("userkey")
    world.put(
        "userkey",
        {
            "id": new_id(),
            "name": f"{number} - API key pair",
            "apikey": keys.api_key,
            "secretkey": keys.secret_key,
            "userid": user["id"],
            "accountid": user["accountid"],
            "created": now(),
        },
    )
