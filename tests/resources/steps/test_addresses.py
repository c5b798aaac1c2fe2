"""External addresses of machines, given through the API and looked at in CloudStack."""

from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

ZONE = "sandbox-east1-a"


def addresses(ask: Ask) -> dict[str, dict[str, Any]]:
    """The account's public addresses, without those that are source NAT."""
    found = ask("listPublicIpAddresses", listall=True).get("publicipaddress", [])
    return {one["ipaddress"]: one for one in found if not one["issourcenat"]}


def test_an_address_comes_and_goes_with_the_machine(gce: Gce, made: Any, ask: Ask) -> None:
    """An external address is a static NAT of the machine, and free again when the machine is deleted."""
    shown = made(ZONE, "vm1")["networkInterfaces"][0]["accessConfigs"][0]["natIP"]
    assert addresses(ask)[shown]["virtualmachinename"] == "vm1"
    gce.done(gce.delete(f"zones/{ZONE}/instances/vm1"))
    assert not addresses(ask)


def test_without_access_config_no_address_is_taken(made: Any, ask: Ask) -> None:
    """A machine that asks for no external address gets none."""
    nic = made(ZONE, "vm-inside", networkInterfaces=[{"network": "global/networks/default"}])["networkInterfaces"][0]
    assert not nic.get("accessConfigs")
    assert not addresses(ask)


def test_an_address_given_by_hand_stays(gce: Gce, made: Any, ask: Ask) -> None:
    """An address that somebody gave the machine in CloudStack is taken from it and stays the account's."""
    made(ZONE, "vm-hand", networkInterfaces=[{"network": "global/networks/default"}])
    (machine,) = ask("listVirtualMachines", name="vm-hand")["virtualmachine"]
    (vpc,) = ask("listVPCs", name="default")["vpc"]
    taken = ask("associateIpAddress", vpcid=vpc["id"])
    tier = machine["nic"][0]["networkid"]
    ask("enableStaticNat", ipaddressid=taken["id"], virtualmachineid=machine["id"], networkid=tier)
    gce.done(gce.delete(f"zones/{ZONE}/instances/vm-hand"))
    assert [one["isstaticnat"] for one in addresses(ask).values()] == [False]
    ask("disassociateIpAddress", id=taken["id"])


def test_a_lost_answer_takes_one_address(gce: Gce, ask: Ask, fault: Any) -> None:
    """If the answer to the association is lost, the address is found and used."""
    fault("associateIpAddress", "lost")
    fault("enableStaticNat", "lost")
    gce.done(gce.post(f"zones/{ZONE}/instances", body_of(ZONE, "vm-lost")))
    assert [one["virtualmachinename"] for one in addresses(ask).values()] == ["vm-lost"]
    gce.done(gce.delete(f"zones/{ZONE}/instances/vm-lost"))
    assert not addresses(ask)


@pytest.mark.parametrize("kind", ["drop", "lost"])
def test_idle_addresses_of_the_account_are_nobody_s_to_take(
    gce: Gce, made: Any, ask: Ask, fault: Any, kind: str
) -> None:
    """If an answer is lost, unused addresses of the account are left alone and a new one is associated."""
    made(ZONE, "vm-idle", networkInterfaces=[{"network": "global/networks/default"}])
    (vpc,) = ask("listVPCs", name="default")["vpc"]
    idle = [ask("associateIpAddress", vpcid=vpc["id"]) for _ in range(2)]
    fault("associateIpAddress", kind)
    path = f"zones/{ZONE}/instances/vm-idle"
    gce.done(gce.post(f"{path}/addAccessConfig", {"type": "ONE_TO_ONE_NAT"}, networkInterface="nic0"))
    served = [one for one in addresses(ask).values() if one["isstaticnat"]]
    assert len(addresses(ask)) == 3
    assert served[0]["id"] not in {one["id"] for one in idle}
    gce.done(gce.post(f"{path}/deleteAccessConfig", networkInterface="nic0", accessConfig="external-nat"))
    assert {one["id"] for one in addresses(ask).values()} == {one["id"] for one in idle}
    for one in idle:
        ask("disassociateIpAddress", id=one["id"])


def test_no_address_left(gce: Gce, made: Any, ask: Ask, fault: Any) -> None:
    """If the cloud has no address left, the instance is not created and nothing stays."""
    made(ZONE, "vm-there", networkInterfaces=[{"network": "global/networks/default"}])
    fault("associateIpAddress", "job_failed", errorcode=533, errortext="Insufficient address capacity")
    operation = gce.finished(gce.post(f"zones/{ZONE}/instances", body_of(ZONE, "vm-none")))
    assert operation["httpErrorStatusCode"] == 503
    gce.refused("GET", f"zones/{ZONE}/instances/vm-none", 404)
    assert not addresses(ask)
