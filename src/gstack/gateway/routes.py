"""Paths of the document as Falcon's router wants them: one name per position, all verbs of a path together.

Falcon refuses `{instance}` and `{resource}` at one position, so a field is named by where it stands: `s5`. Each method
keeps how its own parameters are read back from there; `{+parentName}`, which spans several segments, is put together.
"""

from collections.abc import Mapping

import msgspec

from gstack.gateway.call import Method


class Bound(msgspec.Struct, frozen=True):
    """A method on a route. `fields`: parameter name -> format of its value over the route's fields."""

    method: Method
    fields: dict[str, str]

    def path_values(self, segments: Mapping[str, str]) -> dict[str, str]:
        """Return the method's path parameters from what the router found."""
        return {name: form.format_map(segments) for name, form in self.fields.items()}


def routes(methods: Mapping[str, Method]) -> dict[str, dict[str, Bound]]:
    """Return, per path template in Falcon's form, its methods by HTTP verb."""
    found: dict[str, dict[str, Bound]] = {}
    for method in methods.values():
        verbs = found.setdefault(template(method), {})
        if method.http_method in verbs:
            raise ValueError(f"{method.id} and {verbs[method.http_method].method.id} share a path and a verb")
        verbs[method.http_method] = Bound(method, fields(method))
    return found


def template(method: Method) -> str:
    """`projects/{project}/zones/{zone}` -> `projects/{s1}/zones/{s3}`."""
    return "/".join(_positional(method.flat_path.split("/")))


def fields(method: Method) -> dict[str, str]:
    """Return how each path parameter reads over the positional fields: `{"project": "{s1}", "zone": "{s3}"}`."""
    segments, flat = method.path.split("/"), _positional(method.flat_path.split("/"))
    found, at = {}, 0
    for segment in segments:
        width = len(flat) - len(segments) + 1 if segment.startswith("{+") else 1
        if segment.startswith("{"):
            found[segment.strip("{+}")] = "/".join(flat[at : at + width])
        at += width
    return found


def _positional(segments: list[str]) -> list[str]:
    return [f"{{s{at}}}" if segment.startswith("{") else segment for at, segment in enumerate(segments)]
