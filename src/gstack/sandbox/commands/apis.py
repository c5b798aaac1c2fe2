"""listApis: which commands a user may call, and with which parameters."""

from __future__ import annotations

from gstack.sandbox import catalog
from gstack.sandbox.errors import invalid
from gstack.sandbox.registry import Answer, Call, command

_SINGLE = {"registerUserKeys": ("id",), "getUserKeys": ("id",)}
_SEVERAL_ONLY = frozenset({"listUserKeys", "deleteUserKeys", "listUserKeyRules"})


@command("listApis")
def list_apis(call: Call) -> Answer:
    """Answer what an ordinary user may call, with its parameters."""
    name = call.args.get("name", "").lower()
    found = [entry for entry in catalog.entries().values() if name in ("", entry.name.lower())]
    shown = [to_api(call, entry) for entry in found if _is_here(call, entry.name)]
    if not shown:
        raise invalid(f"The API {call.args.get('name')} does not exist or is not available for this account.")
    return {"count": len(shown), "api": shown}


def _is_here(call: Call, name: str) -> bool:
    return call.settings.several_key_pairs or name not in _SEVERAL_ONLY


def to_api(call: Call, entry: catalog.Entry) -> Answer:
    known = None if call.settings.several_key_pairs else _SINGLE.get(entry.name)
    return {
        "name": entry.name,
        "isasync": entry.isasync and known is None,
        "params": [
            {"name": parameter.name, "type": parameter.type, "required": parameter.required, "length": parameter.length}
            for parameter in entry.params
            if known is None or parameter.name in known
        ],
    }
