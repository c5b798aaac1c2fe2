"""Checks of the address ranges of networks and VPCs, in CloudStack's words. Pure."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError

from gstack.sandbox.errors import invalid

SMALLEST_PREFIX = 22  # CloudStack's network.guest.cidr.limit
DEFAULT_GATEWAY, DEFAULT_NETMASK = "10.1.1.1", "255.255.255.0"  # CloudStack's guest CIDR of a zone
_PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))


def from_gateway(gateway: str, netmask: str) -> IPv4Network:
    """Return the network of a gateway and a netmask; 431 if the gateway is no host address in it."""
    try:
        address = IPv4Address(gateway)
    except AddressValueError:
        raise invalid("Invalid gateway ip") from None
    try:
        network = IPv4Network(f"{gateway}/{netmask}", strict=False)
    except (NetmaskValueError, ValueError):
        raise _bad_gateway() from None
    if address in (network.network_address, network.broadcast_address):
        raise _bad_gateway()
    return network


def _bad_gateway() -> Exception:
    return invalid("Invalid gateway IP provided. Either the IP is broadcast or network IP.")


def check_guest(network: IPv4Network) -> None:
    """Raise 431 for a network that is too large for CloudStack, or not private."""
    if network.prefixlen < SMALLEST_PREFIX:
        raise invalid(f"Cidr size can't be less than {SMALLEST_PREFIX}")
    if not is_private(network):
        raise invalid(f"Virtual Guest Cidr {network} is not RFC 1918 or 6598 compliant")


def vpc_cidr(text: str) -> IPv4Network:
    """Return the range of a new VPC; raise 431 if it is not a private CIDR."""
    network = parse(text)
    if network is None:
        raise invalid(f"Invalid CIDR: {text}")
    if not is_private(network):
        raise invalid(f"Guest Cidr {text} is not RFC1918 compliant")
    return network


def is_private(network: IPv4Network) -> bool:
    return any(network.subnet_of(private) for private in _PRIVATE)


def parse(text: str) -> IPv4Network | None:
    """Read a CIDR, or return None. Like CloudStack, require a mask and allow host bits."""
    if "/" not in text:
        return None
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None
