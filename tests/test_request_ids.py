"""requestId: the same request twice is one operation, another request under the same id is refused."""

from fixtures.gce import Gce

ID = "8b1f1f5e-0c7c-4a6e-9c39-0f5b0b5b0b01"


def rule(name: str) -> dict[str, object]:
    return {"name": name, "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]}


def test_a_repeat_is_the_same_operation_and_a_reuse_is_refused(gce: Gce) -> None:
    """Nothing is accepted and lost: the second name under one id is 409, not the first one's operation."""
    first = gce.post("global/firewalls", rule("first"), requestId=ID)
    assert gce.post("global/firewalls", rule("first"), requestId=ID)["name"] == first["name"]
    gce.refused("POST", "global/firewalls", 409, rule("second"), requestId=ID)
    assert gce.call("GET", "global/firewalls/second").status_code == 404
