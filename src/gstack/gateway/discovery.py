"""Google's discovery document: methods by id, schemas by name.

tools/refresh_discovery.py writes the file `data/compute.v1.json.gz`. Loading changes one thing, both for our own checks
and for the document that clients fetch: it relaxes Google's patterns for project, zone, region and resource names in
paths. CloudStack may have names that Google would not allow (`Sandbox-simulator`), and google-api-python-client
enforces these patterns before it sends anything. Names of new resources come in bodies and keep Google's pattern.
"""

import gzip
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from gstack.gateway.call import Method

PATH_NAME = "[^/]{1,255}"  # replaces Google's name patterns in paths
VERSIONS = ("v1", "beta", "alpha", "v1beta16")  # one API under four names


@cache
def document() -> dict[str, Any]:
    """Return the whole document with relaxed path patterns. It is shared, so do not change it."""
    packed = (resources.files("gstack") / "data" / "compute.v1.json.gz").read_bytes()
    loaded: dict[str, Any] = msgspec.json.decode(gzip.decompress(packed))
    for described in _described(loaded):
        _relax(described["parameters"])
    return loaded


@cache
def methods() -> Mapping[str, Method]:
    """Return every method of the document by id, including those that are not served."""
    return {found["id"]: _method(found) for found in _described(document())}


def schema(name: str) -> dict[str, Any]:
    """Return a schema of the document."""
    found: dict[str, Any] = document()["schemas"][name]
    return found


@cache
def default_kind(name: str) -> str:
    """Return the `kind` of a schema's resources, e.g. `compute#disk`. It is empty if they have none."""
    properties = schema(name).get("properties", {})
    return str(properties.get("kind", {}).get("default", ""))


def _described(loaded: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in loaded["resources"].values():
        yield from resource["methods"].values()


def _relax(parameters: Mapping[str, dict[str, Any]]) -> None:
    for parameter in parameters.values():
        if parameter["location"] == "path" and _is_name(parameter.get("pattern", "")):
            parameter["pattern"] = PATH_NAME


def _is_name(pattern: str) -> bool:
    """Whether this is a pattern of names: they begin with a letter, or with a project's optional domain."""
    return pattern.startswith(("[a-z]", "(?:(?:[-a-z0-9]", "-|[a-z]"))


def _method(found: Mapping[str, Any]) -> Method:
    return Method(
        id=found["id"],
        http_method=found["httpMethod"],
        path=found["path"],
        flat_path=found.get("flatPath", found["path"]),
        parameters=found["parameters"],
        parameter_order=tuple(found.get("parameterOrder", ())),
        request=found.get("request", {}).get("$ref"),
        response=found.get("response", {}).get("$ref"),
        scopes=tuple(found["scopes"]),
    )
