"""Reading rules of security groups."""

from __future__ import annotations

from typing import Any

import pytest

from gstack.sandbox import security_rules
from gstack.sandbox.errors import CloudStackError


@pytest.mark.parametrize(
    ("args", "row"),
    [
        ({}, {"protocol": "all", "startport": 0, "endport": 0}),
        ({"protocol": "TCP", "startport": 0, "endport": 0}, {"protocol": "tcp", "startport": 0, "endport": 65535}),
        ({"protocol": "ICMP", "icmptype": 8, "icmpcode": 0}, {"protocol": "icmp", "icmptype": 8, "icmpcode": 0}),
        ({"protocol": "47", "startport": 9}, {"protocol": "47", "startport": 0, "endport": 0}),
    ],
)
def test_ports_as_cloudstack_keeps_them(args: dict[str, Any], row: dict[str, Any]) -> None:
    """No protocol means all; ports 0 to 0 of tcp mean every port; numbers have no ports."""
    assert security_rules.ports(args) == row


@pytest.mark.parametrize(
    "args",
    [
        {"protocol": "256"},
        {"protocol": "tcp", "startport": 1},
        {"protocol": "udp", "startport": -1, "endport": 5},
        {"protocol": "tcp", "startport": 1, "endport": 65536},
        {"protocol": "icmp", "icmptype": 256, "icmpcode": 0},
    ],
)
def test_impossible_ports_are_refused(args: dict[str, Any]) -> None:
    """What is no protocol, port or ICMP type is 431."""
    with pytest.raises(CloudStackError) as refused:
        security_rules.ports(args)
    assert refused.value.code == 431
