"""IP protocols, port ranges and CIDRs: Google's spellings read into one canonical form. Pure."""

import ipaddress
from collections.abc import Iterable

import msgspec

ICMP, TCP, UDP, SCTP = 1, 6, 17, 132
PORT_PROTOCOLS = frozenset({TCP, UDP, SCTP})
ANYWHERE = "0.0.0.0/0"
LAST_PORT = 65535
_LAST_PROTOCOL = 255

# Google's discovery document, `Firewall.allowed[].IPProtocol`
_NUMBERS = {"icmp": ICMP, "tcp": TCP, "udp": UDP, "esp": 50, "ah": 51, "ipip": 94, "sctp": SCTP}
_NAMES = {number: name for name, number in _NUMBERS.items()}


class Invalid(Exception):  # noqa: N818  # it becomes a Problem, whose name does not end in Error either
    """A value that Google would refuse. `field` is its path in the resource, e.g. `allowed[0].ports[1]`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Ports(msgspec.Struct, frozen=True, order=True):
    """Ports from `first` to `last`, both included."""

    first: int
    last: int


ALL_PORTS = Ports(0, LAST_PORT)


def protocol_number(text: str, field: str) -> int | None:
    """Return the number of a protocol: `tcp`, `TCP` and `6` give 6. `all` gives None, which means every protocol."""
    name = text.strip().lower()
    if name == "all":
        return None
    if name in _NUMBERS:
        return _NUMBERS[name]
    if name.isascii() and name.isdigit() and int(name) <= _LAST_PROTOCOL:
        return int(name)
    names = ", ".join(_NUMBERS)
    raise Invalid(field, f"'{text}' is not an IP protocol. Send one of {names}, all, or a number from 0 to 255.")


def protocol_name(number: int | None) -> str:
    """Return a protocol as Google shows it: 6 is `tcp`, None is `all`, 47 is `47`."""
    return "all" if number is None else _NAMES.get(number, str(number))


def ports(text: str, field: str) -> Ports:
    """Read `80` or `8000-8100`. Raises Invalid."""
    parts = text.strip().split("-")
    if len(parts) not in {1, 2} or not all(part.isascii() and part.isdigit() for part in parts):
        raise Invalid(field, f"'{text}' is not a port or a port range. Send, for example, '80' or '8000-8100'.")
    found = Ports(int(parts[0]), int(parts[-1]))
    if found.first > found.last or found.last > LAST_PORT:
        raise Invalid(field, f"'{text}' is not a port range. It must rise and end at {LAST_PORT} at most.")
    return found


def joined_ports(found: Iterable[Ports]) -> tuple[Ports, ...]:
    """Return the same ports as the fewest ranges, in order, that neither overlap nor touch."""
    joined: list[Ports] = []
    for one in sorted(found):
        if joined and one.first <= joined[-1].last + 1:
            joined[-1] = Ports(joined[-1].first, max(joined[-1].last, one.last))
        else:
            joined.append(one)
    return tuple(joined)


def cidr(text: str, field: str) -> str:
    """Return an IPv4 range in canonical form: `10.1.2.3/8` gives `10.0.0.0/8`, `10.1.2.3` gives `10.1.2.3/32`."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise Invalid(field, f"'{text}' is not an IP range. Send CIDR notation, for example '10.0.0.0/8'.") from error
    if network.version != 4:  # noqa: PLR2004  # IPv4
        raise Invalid(field, f"'{text}' is an IPv6 range. These CloudStack networks have IPv4 only. Send IPv4 ranges.")
    return str(network)


def joined_cidrs(found: Iterable[str]) -> tuple[str, ...]:
    """Return the same addresses as the fewest disjoint ranges, in order. Takes canonical ranges."""
    networks = [ipaddress.IPv4Network(one) for one in found]
    return tuple(str(network) for network in ipaddress.collapse_addresses(networks))
