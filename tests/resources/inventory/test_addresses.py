"""Public addresses, as CloudStack lists them."""

import pytest

from gstack.resources.inventory.addresses import PublicAddress


@pytest.mark.parametrize(
    ("address", "idle"),
    [
        (PublicAddress("a1"), True),
        (PublicAddress("a2", issourcenat=True), False),
        (PublicAddress("a3", isstaticnat=True), False),
    ],
)
def test_an_address_is_idle_without_nat(address: PublicAddress, idle: bool) -> None:
    """An address is idle if it is neither a source NAT nor a static NAT."""
    assert address.idle is idle


def test_an_address_is_in_a_vpc_or_a_network() -> None:
    """An address is where its VPC or its isolated network is."""
    assert {"vpcid": "v1"} in PublicAddress("a1", vpcid="v1").places
    assert {"networkid": "n1"} in PublicAddress("a1", associatednetworkid="n1").places
    assert {"vpcid": "v2"} not in PublicAddress("a1", vpcid="v1").places
