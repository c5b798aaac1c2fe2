"""Address ranges as CloudStack checks them."""

from __future__ import annotations

import pytest

from gstack.sandbox import subnets
from gstack.sandbox.errors import CloudStackError


def test_network_of_a_gateway() -> None:
    """A gateway and a netmask give their network, whatever host address the gateway is."""
    assert str(subnets.from_gateway("10.0.3.254", "255.255.252.0")) == "10.0.0.0/22"


@pytest.mark.parametrize("gateway", ["10.0.0.0", "10.0.0.255"])
def test_gateway_is_a_host(gateway: str) -> None:
    """The first and the last address of a network are no gateways."""
    with pytest.raises(CloudStackError, match="Either the IP is broadcast or network IP"):
        subnets.from_gateway(gateway, "255.255.255.0")


def test_guest_networks_are_small_and_private() -> None:
    """A /21 is too large, a public range is refused, the shared range of RFC 6598 is accepted."""
    subnets.check_guest(subnets.from_gateway("100.64.0.1", "255.255.255.0"))
    with pytest.raises(CloudStackError, match="less than 22"):
        subnets.check_guest(subnets.from_gateway("10.0.0.1", "255.255.248.0"))
    with pytest.raises(CloudStackError, match="not RFC 1918"):
        subnets.check_guest(subnets.from_gateway("9.0.0.1", "255.255.255.0"))


@pytest.mark.parametrize(("text", "read"), [("10.0.0.1", None), ("10.0.0.9/8", "10.0.0.0/8"), ("10.0.0.0/33", None)])
def test_cidr_needs_a_mask(text: str, read: str | None) -> None:
    """A CIDR needs a mask; host bits are cut."""
    found = subnets.parse(text)
    assert (str(found) if found else None) == read
