"""Templates. As in CloudStack, lists show a template once for each of its zones."""

from __future__ import annotations

from urllib.parse import urlsplit

from gstack.sandbox import limits, removal, views
from gstack.sandbox.errors import internal, invalid, parameter_error
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, begin, command, failure, work
from gstack.sandbox.world import Row, World, now

FILTERS = ("featured", "self", "selfexecutable", "sharedexecutable", "executable", "community")
REGISTERED_SIZE = 5_242_880  # as recorded: the simulator downloads nothing and reports this size
TAKEN_DETAILS = {"Message.ReservedCapacityFreed.Flag": "false"}


@command("listTemplates", id="template", ids="template")
def list_templates(call: Call) -> Answer:
    name = call.args["templatefilter"].lower()
    if name not in FILTERS:
        raise invalid(f'The templatefilter "{call.args["templatefilter"]}" has been specified is not valid')
    rows = chosen(
        call,
        [row for row in call.world.all("template") if _fits(call, row, name)],
        "name",
        "templatetype",
        "hypervisor",
        "ostypeid",
    )
    shown = [
        {**row, "zoneid": zone} for row in rows for zone in row["zoneids"] if call.args.get("zoneid") in (None, zone)
    ]
    if call.args.get("showunique"):
        shown = list({row["id"]: row for row in reversed(shown)}.values())[::-1]
    return page(call, "template", shown, to_template)


def _fits(call: Call, row: Row, name: str) -> bool:
    own, public = row["accountid"] == call.owner["id"], bool(row["ispublic"])
    shared = call.owner["id"] in row.get("permitted", [])
    if row["status"] != "ready" and name != "self":
        return False
    choice: dict[str, bool] = {
        "featured": public and bool(row["isfeatured"]),
        "self": own,
        "selfexecutable": own,
        "sharedexecutable": shared,
        "executable": own or shared or public,
        "community": public and not row["isfeatured"] and not own,
    }
    return choice[name]


@command("createTemplate", volumeid="volume", snapshotid="snapshot", virtualmachineid="virtualmachine")
def create_template(call: Call) -> Job:
    source = _source(call)
    row = call.world.put("template", _new(call, source["size"], [source["zoneid"]], "RAW", source.get("templateid")))
    return Job("Template", row["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


def _source(call: Call) -> Row:
    snapshot = call.optional("snapshot", "snapshotid")
    if snapshot:
        return {**snapshot, "size": snapshot["virtualsize"]}
    volume = call.optional("volume", "volumeid")
    if volume is None:
        raise invalid("Failed to create private template record, neither volume ID nor snapshot ID were specified.")
    machine = call.world.get("virtualmachine", volume.get("virtualmachineid"))
    if machine and machine["state"] != "Stopped":
        raise internal()  # as recorded for the volume of a running machine
    return volume


def _new(call: Call, size: int, zoneids: list[str], form: str, source: str | None) -> Row:
    args = call.args
    limits.require(call.world, call.owner, template=1, secondary_storage=size / limits.GIB)
    row: Row = {
        "number": call.world.next_number("template"),
        "name": args["name"],
        "displaytext": args.get("displaytext", args["name"]),
        "accountid": call.owner["id"],
        "ispublic": args.get("ispublic", False),
        "isfeatured": False,  # only administrators feature templates
        "crosszones": False,
        "zoneids": zoneids,
        "ostypeid": args["ostypeid"],
        "format": form,
        "hypervisor": "Simulator",
        "templatetype": "USER",
        "size": size,
        "status": "creating",
        "details": {},
        "isextractable": args.get("isextractable", False),
        "passwordenabled": args.get("passwordenabled", False),
        "requireshvm": args.get("requireshvm", True),
        "created": now(),
    }
    return row | ({"sourcetemplateid": source} if source else {})


@begin("createTemplate")
def creating_template(call: Call) -> None:
    call.world.update("template", call.facts["id"], status="creating")


@failure("createTemplate")
def not_created(call: Call) -> None:
    call.world.delete("template", call.facts["id"])


@work("createTemplate")
def created_template(call: Call) -> Answer:
    row = call.world.update("template", call.facts["id"], status="ready", details=TAKEN_DETAILS)
    return {"template": to_template(call.world, {**row, "zoneid": row["zoneids"][0]})}


@command("registerTemplate", zoneids="zone")
def register_template(call: Call) -> Answer:
    _check_url(call.args["url"])
    zoneids = call.args.get("zoneids") or [call.args["zoneid"]] if "zoneid" in call.args else call.args.get("zoneids")
    if not zoneids:
        raise invalid("Please specify zoneid or zoneids")
    if "ostypeid" not in call.args:
        raise parameter_error("Unable to execute API command registertemplate due to missing parameter ostypeid")
    row = _new(call, REGISTERED_SIZE, list(zoneids), call.args["format"], None)
    row = call.world.put("template", {**row, "url": call.args["url"], "status": "ready"})
    shown = to_template(call.world, {**row, "zoneid": row["zoneids"][0]})
    return {"count": 1, "template": [shown]}


def _check_url(text: str) -> None:
    host = urlsplit(text).hostname
    if host in (None, "localhost", "127.0.0.1", "::1"):
        raise parameter_error("Illegal host specified in URL.")


@command("updateTemplate", id="template")
def update_template(call: Call) -> Answer:
    args = call.args
    fields = ("name", "displaytext", "ostypeid", "passwordenabled", "requireshvm", "format")
    changes = {field: args[field] for field in fields if field in args}
    if args.get("details"):
        changes["details"] = call.details()
    return {"template": to_updated(call.world, call.world.update("template", args["id"], **changes))}


@command("updateTemplatePermissions", id="template")
def update_permissions(call: Call) -> Answer:
    row, args = call.entity("template", "id"), call.args
    changes = {field: args[field] for field in ("ispublic", "isextractable") if field in args}
    permitted = set(row.get("permitted", []))
    named = {account["id"] for name in args.get("accounts", []) for account in call.world.find("account", name=name)}
    operation = args.get("op", "add" if named else "")
    permitted = {"add": permitted | named, "remove": permitted - named, "reset": set()}.get(operation, permitted)
    call.world.update("template", row["id"], **changes, permitted=sorted(permitted))
    return {"success": True}


@command("listTemplatePermissions", id="template")
def list_permissions(call: Call) -> Answer:
    row = call.require_use(call.entity("template", "id"))
    domain = call.world.one("account", row["accountid"])["domainid"]
    names = [call.world.one("account", identity)["name"] for identity in row.get("permitted", [])]
    shown: Answer = {"id": row["id"], "ispublic": row["ispublic"], "domainid": domain}
    return {"templatepermission": shown | ({"account": names} if names else {})}


@command("copyTemplate", id="template", sourcezoneid="zone", destzoneid="zone", destzoneids="zone")
def copy_template(call: Call) -> Job:
    return Job("Template", call.args["id"])


@work("copyTemplate")
def copied_template(call: Call) -> Answer:
    row, args = call.entity("template", "id"), call.args
    wanted = args.get("destzoneids") or [args[name] for name in ("destzoneid",) if name in args]
    if not wanted:
        raise invalid("Either destzoneid or destzoneids parameters have to be specified.")
    zoneids = list(dict.fromkeys([*row["zoneids"], *wanted]))
    row = call.world.update("template", row["id"], zoneids=zoneids)
    return {"template": to_template(call.world, {**row, "zoneid": wanted[0]})}


@command("deleteTemplate", id="template")
def delete_template(call: Call) -> Job:
    return Job("Template", call.args["id"])


@work("deleteTemplate")
def deleted_template(call: Call) -> Answer:
    row = call.entity("template", "id")
    users = call.world.find("virtualmachine", templateid=row["id"])
    alive = [machine for machine in users if machine["state"] != "Destroyed"]
    if alive and not call.args.get("forced"):
        raise invalid(
            f'Unable to delete template [Template {{"format":"{row["format"]}","id":{row["number"]},'
            f'"name":"{row["name"]}","uuid":"{row["id"]}"}}] because there are [{len(alive)}] VM instances using it.'
        )
    zoneids = [zone for zone in row["zoneids"] if "zoneid" in call.args and zone != call.args["zoneid"]]
    if zoneids:
        call.world.update("template", row["id"], zoneids=zoneids)
        return {"success": True}
    removal.remove(call.world, "template", row["id"])
    return {"success": True}


def to_template(world: World, row: Row) -> Answer:
    ready = row["status"] == "ready"
    zone = world.one("zone", row["zoneid"])
    downloads = [{"downloadState": "DOWNLOADED", "datastore": f"{zone['name']}-secondary", "downloadPercent": "100"}]
    shown = {**_identity(world, row), "isready": ready, "passwordenabled": row.get("passwordenabled", False)}
    shown |= {"zoneid": zone["id"], "zonename": zone["name"]}
    shown |= {"status": "Download Complete"} if row["templatetype"] == "USER" else {"checksum": ""}
    shown |= {"size": row["size"]} if ready else {}
    shown |= {"physicalsize": row["size"]} if ready and row["format"] == "VHD" else {}
    shown |= {"isextractable": row["isextractable"]}
    shown |= {field: row[field] for field in ("sourcetemplateid", "url") if field in row}
    return {
        **shown,
        "downloaddetails": downloads if ready else [],
        "arch": "x86_64",
        "bits": 0,
        "sshkeyenabled": False,
        "isdynamicallyscalable": False,
        "directdownload": False,
        "deployasis": False,
        "forcks": False,
        "requireshvm": row.get("requireshvm", False),
        "tags": views.tags(world, row["id"]),
        "hasannotations": False,
    }


def to_updated(world: World, row: Row) -> Answer:
    """Return the answer of updateTemplate, which has fewer fields than lists have."""
    tags = [views.tag(world, tag) for tag in world.find("tag", resourceid=row["id"])]
    shown = {**_identity(world, row), "isready": False, "bootable": True}
    return {**shown, "bits": 0, "isdynamicallyscalable": False, "tags": tags}


def _identity(world: World, row: Row) -> Answer:
    ostype = world.one("ostype", row["ostypeid"])
    shown = {
        field: row[field] for field in ("id", "name", "displaytext", "ispublic", "created", "format", "isfeatured")
    }
    shown |= {"crossZones": row["crosszones"], "ostypeid": ostype["id"], "ostypename": ostype["name"]}
    rest = {field: row[field] for field in ("templatetype", "hypervisor", "details")}
    return {**shown, **views.owner(world, row), **rest}
