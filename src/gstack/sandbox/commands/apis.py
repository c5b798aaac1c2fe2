"""listApis: the commands that a user may call, and their parameters."""

from __future__ import annotations

import msgspec

from gstack.sandbox import catalog
from gstack.sandbox.errors import invalid
from gstack.sandbox.registry import Answer, Call, command


@command("listApis")
def list_apis(call: Call) -> Answer:
    """Return the commands that an ordinary user may call in this version, with their parameters."""
    name = call.args.get("name", "").lower()
    found = [
        entry
        for entry in catalog.entries(call.settings.cloudstack_version).values()
        if name in ("", entry.name.lower())
    ]
    if not found:
        raise invalid(f"The API {call.args.get('name')} does not exist or is not available for this account.")
    return {"count": len(found), "api": [_shown(entry) for entry in found]}


def _shown(entry: catalog.Entry) -> Answer:
    since = {"since": entry.since} if entry.since else {}
    params = [
        {name: value for name, value in msgspec.structs.asdict(parameter).items() if value is not None}
        for parameter in entry.params
    ]
    return {"name": entry.name, "isasync": entry.isasync, **since, "params": params}
