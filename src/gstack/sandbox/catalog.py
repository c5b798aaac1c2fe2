"""What CloudStack's `listApis` says of each command, and the checks that follow from it.

Source: `data/listApis.jsonl.gz`, one line a command that an ordinary user of CloudStack 4.23 may call. The wording
of the refusals is CloudStack's ParamProcessWorker's, as recorded.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from gstack.sandbox import versions
from gstack.sandbox.errors import CloudStackError, invalid, missing_entity, parameter_error
from gstack.sandbox.world import World

# Which kinds of objects a uuid parameter may name, where its name alone tells it. Each command says it for `id`.
ENTITIES: Mapping[str, str] = {
    "aclid": "networkacllist",
    "affinitygroupid": "affinitygroup",
    "affinitygroupids": "affinitygroup",
    "associatednetworkid": "network",
    "diskofferingid": "diskoffering",
    "domainid": "domain",
    "ipaddressid": "publicip",
    "jobid": "job",
    "networkid": "network",
    "networkids": "network",
    "networkofferingid": "networkoffering",
    "nicid": "nic",
    "oscategoryid": "oscategory",
    "ostypeid": "ostype",
    "projectid": "project",
    "publicipid": "publicip",
    "securitygroupid": "securitygroup",
    "securitygroupids": "securitygroup",
    "serviceofferingid": "serviceoffering",
    "snapshotid": "snapshot",
    "templateid": "template",
    "userid": "user",
    "userdataid": "userdata",
    "virtualmachineid": "virtualmachine",
    "virtualmachineids": "virtualmachine",
    "volumeid": "volume",
    "vpcid": "vpc",
    "vpcofferingid": "vpcoffering",
    "zoneid": "zone",
}
# Well-known commands that the role of an ordinary user does not include: 432 instead of 401.
BEYOND_ROLE = frozenset(
    """
    addHost addNetworkServiceProvider createAccount createDiskOffering createDomain
    createNetworkOffering createPhysicalNetwork createPod createRole createServiceOffering
    createStoragePool createUser createVlanIpRange createVPCOffering createZone dedicateZone
    deleteAccount deleteDiskOffering deleteDomain deleteHost deleteServiceOffering deleteUser
    deleteZone destroyRouter destroySystemVm disableAccount disableUser enableAccount enableUser
    getDiagnosticsData importUnmanagedInstance listAlerts listCapacity listClusters
    listConfigurations listDomainChildren listDomains listHosts listImageStores listInfrastructure
    listManagementServers listPhysicalNetworks listPods listRoles listRouters listStoragePools
    listSystemVms listUnmanagedInstances listUsageRecords listVlanIpRanges lockAccount
    migrateVirtualMachine migrateVolume prepareTemplate reconnectHost resetApiKey updateAccount
    updateConfiguration updateDiskOffering updateDomain updateHost updateResourceCount
    updateResourceLimit updateServiceOffering updateVolume updateZone
    """.split()  # noqa: SIM905  # a table of words
)

# Versions that listApis lacks or has wrong. Source: a comparison of 4.22 with 4.23.
_SINCE: Mapping[str, str] = {
    "deleteWebhookFilter": "4.23",
    "updateVmNic": "4.23",
    "addIpToNic description": "4.23",
    **{f"listBackupOfferings {name}": "4.23" for name in ("account", "domainid", "isrecursive", "listall")},
    **{f"registerUserKeys {name}": "4.23" for name in ("description", "enddate", "name", "rules", "startdate")},
}

UNLIMITED = -1  # as `pagesize`
_NUMBER = re.compile(r"[+-]?\d{1,18}")
_MAP_KEY = re.compile(r"(?P<name>[^\[\]]+)\[(?P<index>\d+)\]\.(?P<key>.+)")


class Parameter(msgspec.Struct, frozen=True):
    """One parameter; `type` is uuid, string, boolean, integer, long, list, map or date."""

    name: str
    type: str
    required: bool = False
    length: int = 255
    since: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """One command of listApis."""

    name: str
    isasync: bool
    params: tuple[Parameter, ...]
    response: tuple[dict[str, Any], ...]
    since: str | None = None
    httprequesttype: str = "GET"


@cache
def entries(version: str = versions.NEWEST) -> Mapping[str, Entry]:
    """Return the commands of a version by their names, each with the parameters that it has there."""
    packed = files("gstack.sandbox").joinpath("data/listApis.jsonl.gz").read_bytes()
    decode = msgspec.json.Decoder(Entry).decode
    rows = (decode(line) for line in gzip.decompress(packed).splitlines())
    return {row.name: _as_of(version, row) for row in rows if versions.has(version, _SINCE.get(row.name, row.since))}


def _as_of(version: str, entry: Entry) -> Entry:
    since = {
        parameter.name: _SINCE.get(f"{entry.name} {parameter.name}", parameter.since) for parameter in entry.params
    }
    params = tuple(parameter for parameter in entry.params if versions.has(version, since[parameter.name]))
    if entry.name == "queryAsyncJobResult" and not versions.has(version, "4.22.1"):
        params = tuple(msgspec.structs.replace(parameter, required=True) for parameter in params)
    isasync = entry.isasync and not (entry.name == "registerUserKeys" and not versions.has(version, "4.23"))
    return msgspec.structs.replace(entry, params=params, isasync=isasync)


def read(entry: Entry, sent: Mapping[str, str], world: World, entities: Mapping[str, str]) -> dict[str, Any]:
    """Return the typed parameters of a call without the unknown ones, which CloudStack ignores.

    Raise 431 for what is missing or cannot be read. Maps become lists of dicts in the order of their indexes.
    """
    given, maps = _unpacked(sent)
    args: dict[str, Any] = {}
    for parameter in entry.params:
        if parameter.name in maps:
            args[parameter.name] = maps[parameter.name]
        elif parameter.name in given:
            kind = entities.get(parameter.name, ENTITIES.get(parameter.name))
            args[parameter.name] = _value(entry, parameter, given[parameter.name], world, kind)
        elif parameter.required:
            raise parameter_error(
                f"Unable to execute API command {entry.name.lower()} due to missing parameter {parameter.name}"
            )
    return {name: value for name, value in args.items() if value is not None}


def _unpacked(sent: Mapping[str, str]) -> tuple[dict[str, str], dict[str, list[dict[str, str]]]]:
    given: dict[str, str] = {}
    indexed: dict[str, dict[int, dict[str, str]]] = {}
    for name, value in sent.items():
        match = _MAP_KEY.fullmatch(name)
        if match is None:
            given[name.lower()] = value
            continue
        place = indexed.setdefault(match["name"].lower(), {}).setdefault(int(match["index"]), {})
        place[match["key"]] = value
    return given, {name: [rows[index] for index in sorted(rows)] for name, rows in indexed.items()}


def _value(entry: Entry, parameter: Parameter, text: str, world: World, kind: str | None) -> Any:
    if parameter.type == "uuid":
        return _uuid(entry, parameter, text, world, kind)
    if parameter.type == "list":
        return [_item(entry, parameter, part.strip(), world, kind) for part in text.split(",") if part.strip()]
    read_value = _READERS.get(parameter.type)
    if read_value is None:
        return _string(entry, parameter, text)
    if parameter.type == "integer" and not text.strip() and not parameter.required:
        return None  # CloudStack ignores an empty integer, but refuses an empty long
    try:
        return read_value(text)
    except ValueError:
        raise _unreadable(entry, parameter, text) from None


def _unreadable(entry: Entry, parameter: Parameter, text: str) -> CloudStackError:
    if parameter.type == "date":
        return parameter_error(
            f"Unable to parse date {text} for command {entry.name.lower()}, please pass dates in the format "
            "yyyy-MM-dd or yyyy-MM-dd HH:mm:ss"
        )
    return parameter_error(
        f"Unable to execute API command {entry.name.lower()} due to invalid value {text} for parameter {parameter.name}"
    )


def _string(entry: Entry, parameter: Parameter, text: str) -> str:
    if parameter.required and not text.strip():
        raise _invalid_value(entry, f"Empty or null value provided for API arg: {parameter.name}")
    if len(text) > parameter.length:
        raise _invalid_value(
            entry, f"Value greater than max allowed length {parameter.length} for param: {parameter.name}"
        )
    return text


def _uuid(entry: Entry, parameter: Parameter, text: str, world: World, kind: str | None) -> str:
    """Return the uuid of the object that a parameter names, by its uuid or, as in CloudStack before 3.0, by number.

    CloudStack still finds what was deleted: a list is then empty, and any other command is refused with 431.
    """
    value = text.strip()
    if value == "-1":
        return value
    if _NUMBER.fullmatch(value) and parameter.since is None:
        if int(value) < 1:
            raise _invalid_value(entry, f"Invalid value provided for API arg: {parameter.name}")
        row = world.first(kind, number=int(value)) if kind else None
        found = row["id"] if row else None
    else:
        exists = world.kind_of(value) is not None if kind is None else world.get(kind, value) is not None
        gone = world.get("removed", value)
        if not exists and (gone is None or kind not in (None, gone["kind"])):
            raise missing_entity(entry.name, parameter.name, text)
        found = value if exists else None
    if found is None and not entry.name.startswith("list"):
        raise invalid(f"Unable to find the {kind or 'object'} that {parameter.name} {value} names")
    return found or value


def _invalid_value(entry: Entry, reason: str) -> CloudStackError:
    return parameter_error(f"Unable to execute API command {entry.name.lower()} due to invalid value. {reason}")


def _item(entry: Entry, parameter: Parameter, text: str, world: World, kind: str | None) -> str:
    return text if kind is None else _uuid(entry, parameter, text, world, kind)


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,19}", text):
        raise ValueError(text)
    return int(text)


def _boolean(text: str) -> bool:
    return text.lower() == "true"


def _date(text: str) -> str:
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(text)
    return text


_READERS: Mapping[str, Callable[[str], Any]] = {
    "integer": _integer,
    "long": _integer,
    "boolean": _boolean,
    "date": _date,
}


def check_pages(entry: Entry, args: Mapping[str, Any], maximum: int) -> None:
    """Raise 431 for a page without a size, a size without a page, or one beyond the server's maximum.

    The size -1 means all rows and allows no page.
    """
    if not any(parameter.name == "pagesize" for parameter in entry.params):
        return
    page, size = args.get("page"), args.get("pagesize")
    if size is not None and page is None and size != UNLIMITED:
        raise parameter_error('"page" parameter is required when "pagesize" is specified')
    if page is not None and size is None:
        raise parameter_error('"pagesize" parameter is required when "page" is specified')
    if size is not None and size > maximum:
        raise invalid(f"Page size can't exceed max allowed page size value: {maximum}")
    if size == UNLIMITED and page is not None:
        raise invalid("Can't specify page parameter when pagesize is -1 (Unlimited)")
