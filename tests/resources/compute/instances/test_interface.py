"""Network interfaces as mutations find them."""

from gstack.resources.compute.instances.interface import GuestNetwork


def test_where_a_public_address_is_taken() -> None:
    """For a tier from its VPC, for an isolated network from that itself, and nowhere for others."""
    assert GuestNetwork("n", "Isolated", vpcid="v").place == {"vpcid": "v"}
    assert GuestNetwork("n", "Isolated").place == {"networkid": "n"}
    assert GuestNetwork("n", "Shared").place == {}
    assert GuestNetwork("n", "L2").place == {}
