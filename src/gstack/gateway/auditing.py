"""The audit line of a mutation: who changed what, in which project, by which operation, and with which result.

A mutation is a method that Google does not let a read-only token call. The line names the operation, which tells what
happens after the answer. A refused attempt has a line too, if its caller is known.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import falcon
from falcon.asgi import Request

from gstack.errors import ApiError
from gstack.gateway.call import Audit, Caller, Method

_READ_ONLY = "https://www.googleapis.com/auth/compute.readonly"
_FAULT = 500


def is_mutation(method: Method) -> bool:
    """Whether a method changes something."""
    return _READ_ONLY not in method.scopes


@contextmanager
def audited(audit: Audit, req: Request, method: Method, caller: Caller, project: str) -> Iterator[dict[str, Any]]:
    """Write a line when the block ends, however it ends. The block adds the answer's facts to the dict that it gets."""
    facts: dict[str, Any] = {"target": _relative(req.path), "status": 200}
    if not is_mutation(method):
        yield facts
        return
    try:
        yield facts
    except ApiError as problem:
        facts |= {"result": problem.reason, "status": problem.status}
        raise
    except falcon.HTTPError as error:
        facts |= {"result": "badRequest", "status": error.status_code}
        raise
    except Exception:
        facts |= {"result": "backendError", "status": _FAULT}
        raise
    finally:
        caller_facts = {"who": caller.user, "account": caller.account, "what": method.id, "project": project}
        audit("mutation", **caller_facts, address=req.remote_addr, **{"result": "interrupted", **facts})


def outcome(result: Any) -> dict[str, Any]:
    """Return the facts of an answer's operation for the audit line."""
    if not isinstance(result, dict) or result.get("kind") != "compute#operation":
        return {"result": "done"}
    errors = result.get("error", {}).get("errors", [])
    return {
        "operation": result["name"],
        "target": _relative(result["targetLink"]),
        "result": errors[0]["code"] if errors else result["status"],
    }


def _relative(url: str) -> str:
    """Return `zones/z/disks/d` from a URL or path below a project."""
    return url.rpartition("/projects/")[2].partition("/")[2] or url
