"""gstack.firewalling.ranges: canonical forms."""

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.firewalling.ranges import Invalid, Ports, cidr, joined_cidrs, joined_ports, protocol_name, protocol_number

bounds = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: Ports(min(pair), max(pair)))
cidrs = st.tuples(st.integers(0, 255), st.integers(24, 32)).map(lambda pair: cidr(f"10.0.0.{pair[0]}/{pair[1]}", ""))


@given(st.lists(bounds))
def test_joined_ports_are_the_same_ports(found: list[Ports]) -> None:
    """Joining loses no port and adds none, and the ranges lie apart."""
    joined = joined_ports(found)
    assert {port for one in joined for port in range(one.first, one.last + 1)} == {
        port for one in found for port in range(one.first, one.last + 1)
    }
    assert all(one.last + 1 < other.first for one, other in itertools.pairwise(joined))


@given(st.lists(cidrs))
def test_joined_cidrs_are_the_same_addresses(found: list[str]) -> None:
    """Joining loses no address and adds none."""
    addresses = {address for one in found for address in ipaddress.ip_network(one)}
    joined = [address for one in joined_cidrs(found) for address in ipaddress.ip_network(one)]
    assert set(joined) == addresses
    assert len(joined) == len(addresses)


@pytest.mark.parametrize(
    ("text", "number"), [("tcp", 6), ("UDP", 17), ("1", 1), ("ipip", 94), ("all", None), ("47", 47)]
)
def test_protocols_have_names_and_numbers(text: str, number: int | None) -> None:
    """Names in any case and numbers mean the same protocol, and come back as Google shows it."""
    assert protocol_number(text, "") == number
    assert protocol_number(protocol_name(number), "") == number


@pytest.mark.parametrize("text", ["10.0.0.0/33", "x", "", "10.0.0/8", "2001:db8::/32"])
def test_what_is_no_ipv4_range_is_refused(text: str) -> None:
    """Nonsense and IPv6 are refused with the field."""
    with pytest.raises(Invalid, match="a field"):
        cidr(text, "a field")
