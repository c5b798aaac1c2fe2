"""Security groups, as CloudStack lists them."""

import msgspec

from gstack.resources.inventory.security_groups import SecurityGroup, network_group


def test_a_group_is_read_with_its_rules() -> None:
    """CloudStack leaves out what a rule does not have: ports of icmp, the CIDR of a rule between groups."""
    answer = {
        "id": "g1",
        "name": "gce-network-default",
        "ingressrule": [
            {"ruleid": "r1", "protocol": "icmp", "icmptype": -1, "icmpcode": -1, "cidr": "0.0.0.0/0"},
            {"ruleid": "r2", "protocol": "tcp", "startport": 22, "endport": 22, "securitygroupname": "web"},
        ],
        "egressrule": [],
    }
    group = msgspec.convert(answer, SecurityGroup)
    assert (group.name, group.account) == (network_group("default"), "")
    assert [(rule.startport, rule.cidr, rule.securitygroupname) for rule in group.ingressrule] == [
        (0, "0.0.0.0/0", ""),
        (22, "", "web"),
    ]
