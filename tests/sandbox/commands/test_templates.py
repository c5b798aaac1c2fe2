"""Templates."""

from __future__ import annotations

from typing import Any


def image(demo: Any, seeds: Any, name: str) -> dict[str, Any]:
    """Make a template from the root volume of a stopped machine."""
    machine = seeds.machine(demo, name)
    demo.ok("stopVirtualMachine", id=machine["id"])
    volume = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]["id"]
    ostype = machine["ostypeid"]
    made = demo.ok("createTemplate", name=name, displaytext=name, ostypeid=ostype, volumeid=volume)
    template: dict[str, Any] = made["template"]
    return template


def test_template_from_a_stopped_machine(demo: Any, seeds: Any) -> None:
    """A template from a root volume is ready, private, and can be deployed from."""
    template = image(demo, seeds, "image")
    assert (template["isready"], template["ispublic"]) == (True, False)
    assert seeds.machine(demo, "from-image", templateid=template["id"])["templateid"] == template["id"]
    code, text = demo.failure("deleteTemplate", id=template["id"])
    assert code == 431
    assert text.endswith("because there are [1] VM instances using it.")


def test_running_root_volume_makes_no_template(demo: Any, seeds: Any) -> None:
    """The volume of a running machine is 530, as recorded."""
    machine = seeds.machine(demo, "busy")
    volume = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]["id"]
    given = {"name": "x", "displaytext": "x", "ostypeid": machine["ostypeid"], "volumeid": volume}
    assert demo.failure("createTemplate", **given)[0] == 530


def test_shared_template(demo: Any, other: Any, seeds: Any) -> None:
    """A private template is hidden from others until it is shared with them or made public."""
    template = image(demo, seeds, "secret")["id"]
    listed = {"templatefilter": "executable", "id": template}
    assert other.ok("listTemplates", **listed) == {}
    demo.ok("updateTemplatePermissions", id=template, op="add", accounts="other")
    assert other.ok("listTemplates", templatefilter="sharedexecutable", id=template)["count"] == 1
    demo.ok("updateTemplatePermissions", id=template, op="reset")
    assert other.ok("listTemplates", **listed) == {}
    demo.ok("updateTemplatePermissions", id=template, ispublic=True)
    assert other.ok("listTemplates", templatefilter="community", id=template)["count"] == 1


def test_template_is_in_a_zone_after_its_copy(demo: Any, seeds: Any) -> None:
    """A template is in the zone of its volume; copied, it is listed once for each zone."""
    template = image(demo, seeds, "copied")["id"]
    demo.ok("copyTemplate", id=template, destzoneids=seeds.east)
    zones = [row["zoneid"] for row in demo.ok("listTemplates", templatefilter="self", id=template)["template"]]
    assert zones == [seeds.basic, seeds.east]


def test_registered_from_this_machine(demo: Any, seeds: Any) -> None:
    """A URL of the cloud itself is refused, as recorded."""
    ostype = demo.ok("listOsTypes", name="Rocky Linux 9")["ostype"][0]["id"]
    given = {"name": "x", "displaytext": "x", "format": "QCOW2", "hypervisor": "Simulator", "zoneid": seeds.basic}
    code, text = demo.failure("registerTemplate", ostypeid=ostype, url="http://127.0.0.1/x.qcow2", **given)
    assert (code, text) == (431, "Illegal host specified in URL.")


def test_seeded_templates_are_the_systems(demo: Any, seeds: Any) -> None:
    """An ordinary user cannot delete a featured template."""
    assert demo.failure("deleteTemplate", id=seeds.templates["debian-12-v20260101"])[0] == 531
