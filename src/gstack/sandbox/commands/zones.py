"""listZones and listRegions."""

from __future__ import annotations

from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World


@command("listZones", id="zone")
def list_zones(call: Call) -> Answer:
    rows = chosen(call, call.world.all("zone"), "name", "networktype")
    return page(call, "zone", rows, to_zone)


def to_zone(_world: World, row: Row) -> Answer:
    return {
        "id": row["id"],
        "name": row["name"],
        "networktype": row["networktype"],
        "securitygroupsenabled": row["securitygroupsenabled"],
        "gputotal": 80,
        "gpuused": 0,
        "allocationstate": "Enabled",
        "zonetoken": row["zonetoken"],
        "dhcpprovider": "VirtualRouter",
        "localstorageenabled": False,
        "tags": [],
        "allowuserspecifyvrmtu": False,
        "routerprivateinterfacemaxmtu": 1500,
        "routerpublicinterfacemaxmtu": 1500,
        "type": "Core",
        "isnsxenabled": False,
        "ismultiarch": False,
        "asnrange": "",
        "routedmodeenabled": True,
        "hasannotations": False,
    }


@command("listRegions")
def list_regions(call: Call) -> Answer:
    region = {
        "id": 1,
        "name": "Local",
        "endpoint": "http://localhost:8080/client/",
        "gslbserviceenabled": True,
        "portableipserviceenabled": False,
    }
    wanted = call.args.get("name", "Local") == "Local" and call.args.get("id", 1) == 1
    return {"count": 1, "region": [region]} if wanted else {}
