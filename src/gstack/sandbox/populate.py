"""Many machines at once, for tests of pages and for measurements: written directly, without jobs."""

from __future__ import annotations

from gstack.sandbox import nics, volumes
from gstack.sandbox.world import Row, World, new_id, now


def populate(world: World, account: str, vms: int, zone: str = "Sandbox-simulator") -> None:
    """Add `vms` running machines `bulk-00001`, … of an account to a zone with a shared network, each with its disk."""
    owner = world.find("account", name=account)[0]
    place = world.find("zone", name=zone)[0]
    network = world.find("network", zoneid=place["id"], type="Shared")[0]
    with world.transaction():
        for number in range(1, vms + 1):
            row = world.put("virtualmachine", _machine(world, owner, place, f"bulk-{number:05}"))
            nics.plug(world, nics.allocate(world, network, row))
            _root(world, row)


def _machine(world: World, owner: Row, zone: Row, name: str) -> Row:
    offering, template = world.all("serviceoffering")[0], world.all("template")[0]
    groups = world.find("securitygroup", accountid=owner["id"], name="default")
    return {
        "id": new_id(),
        "number": world.next_number("virtualmachine"),
        "name": name,
        "hostname": name,
        "accountid": owner["id"],
        "userid": world.find("user", accountid=owner["id"])[0]["id"],
        "zoneid": zone["id"],
        "state": "Running",
        "started": True,
        "serviceofferingid": offering["id"],
        **{field: offering[field] for field in ("cpunumber", "cpuspeed", "memory")},
        "templateid": template["id"],
        "templatefacts": {field: template[field] for field in ("id", "name", "templatetype", "format", "displaytext")},
        "ostypeid": template["ostypeid"],
        "details": {},
        "securitygroupids": [group["id"] for group in groups],
        "affinitygroupids": [],
        "created": now(),
        "lastupdated": now(),
    }


def _root(world: World, row: Row) -> None:
    volumes.new(
        world,
        name=f"ROOT-{row['number']}",
        type=volumes.ROOT,
        size=2 * volumes.GIB,
        deviceid=0,
        state="Ready",
        templateid=row["templateid"],
        serviceofferingid=row["serviceofferingid"],
        zoneid=row["zoneid"],
        accountid=row["accountid"],
        virtualmachineid=row["id"],
    )
