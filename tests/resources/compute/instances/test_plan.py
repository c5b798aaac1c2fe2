"""A plan survives the journal, and knows what the sidecar keeps."""

import msgspec

from gstack.resources.compute.instances.insert import to_cloudstack
from gstack.resources.compute.instances.plan import DiskPlan, Interface, Plan
from gstack.resources.compute.instances.user_data import told
from gstack.resources.inventory.placements import Placement

BOOT = DiskPlan("vm1", "persistent-disk-0", auto_delete=True, field="resource.disks[0]", kind="pd-ssd")
PLACE = Placement("z1", security_groups=False, network="n", subnetwork="s", network_id="net1", region="a-b")
PLAN = Plan("vm1", "a-b-c", "off1", "tmpl1", PLACE, BOOT)


def test_survives_the_journal() -> None:
    """A plan written as JSON and read again is the same plan."""
    plan = msgspec.structs.replace(PLAN, cpu=2, memory_mb=2048, data=(BOOT,), tags=("web",), labels={"a": ""})
    stored = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(plan)))
    assert msgspec.convert(stored, Plan) == plan


def test_facts() -> None:
    """Empty wishes leave no facts, but that no external address was asked for and what the guest is told are some."""
    network = {"network": "global/networks/n", "subnetwork": "regions/a-b/subnetworks/s"}
    assert PLAN.facts == {"name": "vm1", "external": "", "told": told(""), **network}
    assert msgspec.structs.replace(PLAN, user_data="eA==").facts["told"] == told("eA==") != told("")
    assert BOOT.facts == {"name": "vm1", "device_name": "persistent-disk-0", "auto_delete": True, "type": "pd-ssd"}


def test_deployment_on_a_network() -> None:
    """A machine goes on its network by uuid, and a fixed address with it."""
    sent = {name: value for name, value in to_cloudstack(PLAN, [], "vm1-0a3f").items() if value is not None}
    assert sent == {
        "zoneid": "z1",
        "serviceofferingid": "off1",
        "templateid": "tmpl1",
        "name": "vm1-0a3f",
        "displayname": "vm1",
        "networkids": ("net1",),
    }
    fixed = to_cloudstack(msgspec.structs.replace(PLAN, ip="10.0.0.7"), [], "vm1")
    assert fixed["iptonetworklist"] == [{"networkid": "net1", "ip": "10.0.0.7"}]
    assert "networkids" not in fixed


def test_deployment_on_several_networks() -> None:
    """The networks come in the order of the interfaces; one fixed address makes it a list of networks with theirs."""
    further = Interface(msgspec.structs.replace(PLACE, network="m", network_id="net2"))
    plan = msgspec.structs.replace(PLAN, others=(further,))
    assert to_cloudstack(plan, [], "vm1")["networkids"] == ("net1", "net2")
    fixed = msgspec.structs.replace(plan, others=(msgspec.structs.replace(further, ip="10.9.0.7"),))
    assert to_cloudstack(fixed, [], "vm1")["iptonetworklist"] == [
        {"networkid": "net1"},
        {"networkid": "net2", "ip": "10.9.0.7"},
    ]


def test_deployment_for_a_disk_of_its_own() -> None:
    """A machine that boots from a disk which is there is not started with the one that CloudStack makes."""
    boot = msgspec.structs.replace(BOOT, volume_id="v1", size_gb=20, offering_id="o1")
    sent = to_cloudstack(msgspec.structs.replace(PLAN, boot=boot), [], "vm1")
    assert (sent["startvm"], sent["rootdisksize"], sent["overridediskofferingid"]) == (False, None, None)


def test_deployment_in_groups() -> None:
    """A machine in a zone with security groups names its groups, its sizes and its guest's document."""
    place = Placement("z1", security_groups=True, network="n", subnetwork=None)
    changes = {"cpu": 2, "memory_mb": 2048, "user_data": "eA==", "ip": "60.1.0.9"}
    sent = to_cloudstack(msgspec.structs.replace(PLAN, placement=place, **changes), ["g1", "g2"], "vm1")
    assert sent["securitygroupids"] == ["g1", "g2"]
    assert sent["details"] == {"cpuNumber": 2, "memory": 2048}
    assert (sent["userdata"], sent["ipaddress"], sent["networkids"]) == ("eA==", "60.1.0.9", None)
