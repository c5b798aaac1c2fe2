"""The document's paths in the form of Falcon's router: one field name per position, all verbs of a path together.

Falcon refuses different names at one position, such as `{instance}` and `{resource}`. So a field is named by its
position: `s5`. Each method stores how to read its own parameters from these fields. A parameter such as
`{+parentName}`, which spans several segments, is joined from them.
"""

from collections.abc import Mapping

import msgspec

from gstack.gateway.call import Method


class Bound(msgspec.Struct, frozen=True):
    """A method on a route. `fields` maps each path parameter to a format string over the route's fields."""

    method: Method
    fields: dict[str, str]

    def path_values(self, segments: Mapping[str, str]) -> dict[str, str]:
        """Return the method's path parameters from the fields that the router matched."""
        return {name: form.format_map(segments) for name, form in self.fields.items()}


def routes(methods: Mapping[str, Method]) -> dict[str, dict[str, Bound]]:
    """Return the methods of each path template in Falcon's form, by HTTP verb."""
    found: dict[str, dict[str, Bound]] = {}
    for method in methods.values():
        verbs = found.setdefault(template(method), {})
        if method.http_method in verbs:
            raise ValueError(f"{method.id} and {verbs[method.http_method].method.id} share a path and a verb")
        verbs[method.http_method] = Bound(method, fields(method))
    return found


def template(method: Method) -> str:
    """Return `projects/{s1}/zones/{s3}` for `projects/{project}/zones/{zone}`."""
    return "/".join(_positional(method.flat_path.split("/")))


def fields(method: Method) -> dict[str, str]:
    """Return a format string over positional fields per path parameter: `{"project": "{s1}", "zone": "{s3}"}`."""
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
