"""The answers of gstack-configure: the questions of the first gstack, their defaults, and what is no answer."""

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gstack.resources.inventory.zones import is_fit

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")


class Answers(msgspec.Struct, frozen=True):
    """What is asked, with the defaults of the first gstack."""

    bind: str = "localhost"
    port: int = 5000
    host: str = "localhost"
    cloudstack_port: int = 8080
    protocol: str = "http"
    path: str = "/client/api"

    @property
    def endpoint(self) -> str:
        """CloudStack's API URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}://{host}:{self.cloudstack_port}{self.path}"


def earlier(profile: Mapping[str, Any]) -> Answers:
    """The answers that a profile was made from."""
    server, endpoint = profile.get("server", {}), urlsplit(profile.get("cloudstack", {}).get("endpoint", ""))
    known = {
        "bind": server.get("bind"),
        "port": server.get("port"),
        "host": endpoint.hostname,
        "cloudstack_port": endpoint.port or {"http": 80, "https": 443}.get(endpoint.scheme),
        "protocol": endpoint.scheme or None,
        "path": endpoint.path or None,
    }
    return Answers(**{name: value for name, value in known.items() if value is not None})


def bind_address(text: str) -> str:
    """A name or address of this machine. Raises ValueError, whose text is for the user, as all of these."""
    try:
        found = socket.getaddrinfo(text, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], socket.SOCK_STREAM) as probe:
            probe.bind((found[4][0], 0))
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{text!r} is no address of this machine; try localhost or 0.0.0.0") from error
    return text


def port(text: str) -> int:
    """A TCP port."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:  # noqa: PLR2004  # RFC 9293
        raise ValueError(f"{text!r} is no port: a number from 1 to 65535")
    return int(text)


def host(text: str) -> str:
    """A host name or an address, without protocol, port or path."""
    bare = text.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    if not _HOST.fullmatch(bare):
        raise ValueError(f"{text!r} is no host name or address; protocol, port and path are asked apart")
    return bare


def protocol(text: str) -> str:
    """`http` or `https`."""
    if text not in {"http", "https"}:
        raise ValueError(f"{text!r} is neither http nor https")
    return text


def path(text: str) -> str:
    """The path of CloudStack's API."""
    if not _PATH.fullmatch(text):
        raise ValueError(f"{text!r} is no path; CloudStack's own is /client/api")
    return text


class Question(msgspec.Struct, frozen=True):
    """What to ask, and what makes an answer of a text."""

    text: str
    read: Callable[[str], str | int]


QUESTIONS: Mapping[str, Question] = {
    "bind": Question("gstack bind address", bind_address),
    "port": Question("gstack bind port", port),
    "host": Question("CloudStack host", host),
    "cloudstack_port": Question("CloudStack port", port),
    "protocol": Question("CloudStack protocol", protocol),
    "path": Question("CloudStack path", path),
}


def zone_names(zones: Mapping[str, str], chosen: tuple[str, ...], known: Mapping[str, str]) -> dict[str, str]:
    """The mapping to write: names chosen as `CLOUDSTACK=GCE`, then earlier ones, then proposals for unfit names.

    `zones` are CloudStack's zones with their proposals, empty where nobody looked. Raises ValueError for a name that
    Google's clients cannot take apart, for an unknown zone, and for two zones in one region.
    """
    names = {name: proposal for name, proposal in zones.items() if name != proposal} | dict(known)
    for option in chosen:
        name, separator, gce = option.partition("=")
        if not separator or (zones and name not in zones):
            raise ValueError(f"--zone-name {option}: expected CLOUDSTACK=GCE, zones are {sorted(zones)}")
        names[name] = gce
    _check_zone_names({**{name: name for name in zones}, **names})
    return names


def _check_zone_names(names: Mapping[str, str]) -> None:
    regions: dict[str, str] = {}
    for name, gce in names.items():
        if not is_fit(gce):
            raise ValueError(f"zone {name!r}: {gce!r} is no GCE zone name; it must be like cs-east1-a, in lower case")
        region = gce.rpartition("-")[0]
        if region in regions:
            text = f"zones {regions[region]!r} and {name!r} would both be in region {region!r}; each needs its own"
            raise ValueError(text)
        regions[region] = name
