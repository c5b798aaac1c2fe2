"""Make src/gstack/data/compute.v1.json.gz: the facts of Google's Compute discovery document, without its prose.

Source: the static document inside the PyPI package google-api-python-client, a development dependency. Names, paths,
parameters, types, formats, patterns, enums and references are facts that clients rely on; descriptions stay out.
The same input gives the same bytes. Run it with `make refresh-discovery` after raising the package's version.
"""

import gzip
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src" / "gstack" / "data" / "compute.v1.json.gz"

_TOP = [
    "kind",
    "discoveryVersion",
    "id",
    "name",
    "version",
    "revision",
    "protocol",
    "rootUrl",
    "baseUrl",
    "basePath",
    "servicePath",
    "batchPath",
    "auth",
    "parameters",
    "resources",
    "schemas",
]
_METHOD = ["id", "httpMethod", "path", "flatPath", "parameters", "parameterOrder", "request", "response", "scopes"]
_TYPE = [
    "id",
    "type",
    "format",
    "pattern",
    "enum",
    "default",
    "minimum",
    "maximum",
    "required",
    "repeated",
    "location",
    "readOnly",
    "annotations",
    "$ref",
    "items",
    "properties",
    "additionalProperties",
]


def source() -> dict[str, Any]:
    """Return the document that the installed google-api-python-client brings."""
    documents = resources.files("googleapiclient") / "discovery_cache" / "documents"
    document: dict[str, Any] = json.loads((documents / "compute.v1.json").read_text("utf-8"))
    return document


def facts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document's facts; its scopes keep their URLs alone."""
    kept = _kept(document, _TOP)
    kept["auth"] = {"oauth2": {"scopes": {url: {} for url in document["auth"]["oauth2"]["scopes"]}}}
    kept["parameters"] = _types(document["parameters"])
    kept["schemas"] = _types(document["schemas"])
    kept["resources"] = {name: _resource(found) for name, found in document["resources"].items()}
    return kept


def packed(document: Mapping[str, Any]) -> bytes:
    """Return the file's bytes: sorted, compact JSON, gzip without a date."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def main() -> None:
    """Write the file and say what it holds."""
    document = facts(source())
    TARGET.write_bytes(packed(document))
    methods = sum(len(found["methods"]) for found in document["resources"].values())
    print(f"{TARGET.name}: revision {document['revision']}, {methods} methods, {TARGET.stat().st_size} bytes")


def _kept(found: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found}


def _resource(found: Mapping[str, Any]) -> dict[str, Any]:
    if "resources" in found:
        raise ValueError("nested resources are new in Google's document: teach gateway.discovery about them first")
    return {"methods": {name: _method(method) for name, method in found["methods"].items()}}


def _method(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = _kept(found, _METHOD)
    kept["parameters"] = _types(found.get("parameters", {}))
    if kept.get("flatPath") == kept["path"]:
        del kept["flatPath"]
    return kept


def _types(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _type(described) for name, described in found.items()}


def _type(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = _kept(found, _TYPE)
    if "properties" in found:
        kept["properties"] = _types(found["properties"])
    for inner in ("items", "additionalProperties"):
        if inner in found:
            kept[inner] = _type(found[inner])
    return kept


if __name__ == "__main__":
    main()
