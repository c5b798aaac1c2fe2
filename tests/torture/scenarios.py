"""For each work one or more scenarios: how to come to the mutation, the mutation, where its effect shows, the way back.

A new work needs one entry in `SCENARIOS`; everything else is made of it: crashes at every step, faults in every
command, restarts. Names are the same in every run, so each run also proves that the one before left them free.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of

BASIC, EAST = "Sandbox-simulator", "sandbox-east1-a"
SECOND = "global/networks/second"  # made by hand in CloudStack, in EAST
Action = Callable[[Gce], Any]


def nothing(_: Gce) -> None:
    """What is there already is enough."""


class Scenario(msgspec.Struct, frozen=True):
    """One mutation. `views` are the paths whose answers must be the same however the mutation got to its end."""

    name: str
    work: str
    send: Action
    views: tuple[str, ...]
    prepare: Action = nothing
    clean: Action = nothing


def post(path: str, body: Any = None, **params: Any) -> Action:
    return lambda gce: gce.post(path, body, **params)


def delete(path: str) -> Action:
    return lambda gce: gce.delete(path)


def done(*actions: Action) -> Action:
    """Each in turn, to its end."""

    def acting(gce: Gce) -> None:
        for action in actions:
            gce.done(action(gce))

    return acting


def disk(name: str, **fields: Any) -> dict[str, Any]:
    return {"initializeParams": {"diskName": name, "diskSizeGb": "5"}, "autoDelete": True, **fields}


def machine(zone: str, name: str = "torture", **fields: Any) -> dict[str, Any]:
    """The body of an instance with a boot disk, a data disk that goes with it, labels, tags and metadata."""
    body = body_of(zone, name)
    boot = {
        **body["disks"][0],
        "initializeParams": {**body["disks"][0]["initializeParams"], "labels": {"kind": "boot"}},
    }
    data = disk(f"{name}-data", deviceName="data")
    return body | {
        "disks": [boot, data],
        "labels": {"env": "torture", "empty": ""},
        "tags": {"items": ["web"]},
        "metadata": {"items": [{"key": "user-data", "value": "#cloud-config\n{}"}]},
    } | fields  # fmt: skip


def plain(zone: str, name: str = "torture", **fields: Any) -> dict[str, Any]:
    """The body of an instance as gcloud sends it."""
    return body_of(zone, name, **fields)


def there(zone: str, name: str = "torture") -> str:
    return f"zones/{zone}/instances/{name}"


def instances(zone: str) -> str:
    return f"zones/{zone}/instances"


def web(name: str = "torture", **fields: Any) -> dict[str, Any]:
    ports = [{"IPProtocol": "tcp", "ports": ["80", "8000-8100"]}, {"IPProtocol": "icmp"}]
    return {"name": name, "network": "global/networks/default", "allowed": ports, **fields}


def keeping_its_disks(zone: str) -> dict[str, Any]:
    body = machine(zone)
    return body | {"disks": [{**one, "autoDelete": False} for one in body["disks"]]}


def _of_instances(zone: str, kind: str) -> list[Scenario]:
    views = (there(zone), f"zones/{zone}/disks/torture", f"zones/{zone}/disks/torture-data")
    made = done(post(instances(zone), machine(zone)))
    gone = done(delete(there(zone)))
    auto = f"{there(zone)}/setDiskAutoDelete"
    return [
        Scenario(f"insert-{kind}", "instances.insert", post(instances(zone), machine(zone)), views, clean=gone),
        Scenario(f"delete-{kind}", "instances.delete", delete(there(zone)), views, prepare=made),
        Scenario(
            f"set-disk-auto-delete-{kind}",
            "instances.setDiskAutoDelete",
            post(auto, autoDelete="false", deviceName="data"),
            views,
            prepare=made,
            clean=done(post(auto, autoDelete="true", deviceName="data"), delete(there(zone))),
        ),
    ]


def _labels(path: str, labels: dict[str, str]) -> Action:
    """SetLabels of something, with the fingerprint that it has."""

    def sending(gce: Gce) -> Any:
        fingerprint = gce.get(path)["labelFingerprint"]
        return gce.post(f"{path}/setLabels", {"labels": labels, "labelFingerprint": fingerprint})

    return sending


def _metadata(items: list[dict[str, str]]) -> Action:
    return post("setCommonInstanceMetadata", {"items": items})


def _of_a_machine(name: str, work: str, send: Action, *before: Action, zone: str = EAST) -> Scenario:
    """A change of a machine, which runs but for what `before` does to it."""
    made = done(post(instances(zone), machine(zone)), *before)
    views = (there(zone), f"zones/{zone}/disks/torture", f"zones/{zone}/disks/torture-data")
    return Scenario(name, work, send, views, made, done(delete(there(zone))))


def _fingerprinted(path: str, verb: str, field: str, **body: Any) -> Action:
    """A change that needs the fingerprint of a part of the instance."""

    def sending(gce: Gce) -> Any:
        return gce.post(f"{path}/{verb}", {**body, "fingerprint": gce.get(path)[field]["fingerprint"]})

    return sending


def _of_machines() -> list[Scenario]:
    vm, stop = there(EAST), post(f"{there(EAST)}/stop")
    protected = f"{vm}/setDeletionProtection"
    small = {"machineType": f"zones/{EAST}/machineTypes/e2-small"}
    items = [{"key": "startup-script", "value": "echo"}, {"key": "color", "value": "red"}]
    tags = _fingerprinted(there(BASIC), "setTags", "tags", items=["web", "db"])
    metadata = _fingerprinted(vm, "setMetadata", "metadata", items=items)
    changes = [
        _of_a_machine("stop", "instances.stop", stop),
        _of_a_machine("stop-basic", "instances.stop", post(f"{there(BASIC)}/stop"), zone=BASIC),
        _of_a_machine("start", "instances.start", post(f"{vm}/start"), stop),
        _of_a_machine("reset", "instances.reset", post(f"{vm}/reset")),
        _of_a_machine("machine-labels", "instances.setLabels", _labels(vm, {"env": "other", "new": ""})),
        _of_a_machine("machine-type", "instances.setMachineType", post(f"{vm}/setMachineType", small), stop),
        _of_a_machine("metadata", "instances.setMetadata", metadata),
        _of_a_machine("tags", "instances.setTags", tags, zone=BASIC),
        _of_a_machine("update", "instances.update", _updated),
        _of_a_machine("scheduling", "instances.keep", post(f"{vm}/setScheduling", {"automaticRestart": False})),
    ]
    protect = _of_a_machine("protection", "instances.setDeletionProtection", post(protected, deletionProtection="true"))
    renamed = {"currentName": "torture", "name": "torture-renamed"}
    rename = _of_a_machine("rename", "instances.setName", post(f"{vm}/setName", renamed), stop)
    return [
        *changes,
        msgspec.structs.replace(protect, clean=done(post(protected, deletionProtection="false"), delete(vm))),
        msgspec.structs.replace(
            rename,
            views=(vm, there(EAST, "torture-renamed")),
            clean=done(delete(there(EAST, "torture-renamed"))),
        ),
    ]


def _of_interfaces() -> list[Scenario]:
    vm = there(EAST)
    inside = post(instances(EAST), plain(EAST, networkInterfaces=[{"network": "global/networks/default"}]))
    outside, gone, stop = post(instances(EAST), plain(EAST)), done(delete(vm)), post(f"{vm}/stop")
    give = post(f"{vm}/addAccessConfig", {"name": "nat"}, networkInterface="nic0")
    take = post(f"{vm}/deleteAccessConfig", accessConfig="external-nat", networkInterface="nic0")
    same = post(f"{vm}/updateAccessConfig", {"name": "external-nat"}, networkInterface="nic0")
    card = post(f"{vm}/addNetworkInterface", {"network": SECOND, "accessConfigs": [{"name": "nat"}]})
    no_card = post(f"{vm}/deleteNetworkInterface", networkInterfaceName="nic1")
    return [
        Scenario("address", "instances.addAccessConfig", give, (vm,), done(inside), gone),
        Scenario("address-delete", "instances.deleteAccessConfig", take, (vm,), done(outside), gone),
        Scenario("address-update", "instances.updateAccessConfig", same, (vm,), done(outside), gone),
        Scenario("interface", "instances.addNetworkInterface", card, (vm,), done(inside), gone),
        Scenario("interface-delete", "instances.deleteNetworkInterface", no_card, (vm,), done(inside, card), gone),
        Scenario("interface-update", "instances.updateNetworkInterface", _moved, (vm,), done(inside, stop), gone),
        Scenario("interface-move", "instances.updateNetworkInterface", _elsewhere, (vm,), done(outside, stop), gone),
    ]


def _elsewhere(gce: Gce) -> Any:
    """The first interface goes to another network, and its external address with it."""
    body = {"network": SECOND, "fingerprint": gce.get(there(EAST))["networkInterfaces"][0]["fingerprint"]}
    return _answered(gce, "PATCH", f"{there(EAST)}/updateNetworkInterface", body, networkInterface="nic0")


def _of_many() -> list[Scenario]:
    """One machine of many: several are made side by side, and would not come to the same steps twice."""
    properties = {name: value for name, value in machine(EAST).items() if name not in {"name", "deletionProtection"}}
    disks = [{**one, "initializeParams": dict(one["initializeParams"])} for one in properties["disks"]]
    del disks[1]["initializeParams"]["diskName"]
    body = {"count": "1", "namePattern": "torture-#", "instanceProperties": properties | {"disks": disks}}
    vm = there(EAST, "torture-1")
    bulk = post(f"{instances(EAST)}/bulkInsert", body)
    views = (vm, f"zones/{EAST}/disks/torture-1", f"zones/{EAST}/disks/torture-1-1")
    return [Scenario("bulk", "instances.bulkInsert", bulk, views, clean=done(delete(vm)))]


def _moved(gce: Gce) -> Any:
    """Another fixed internal address."""
    nic = gce.get(there(EAST))["networkInterfaces"][0]
    body = {"networkIP": ".".join([*nic["networkIP"].split(".")[:3], "77"]), "fingerprint": nic["fingerprint"]}
    return _answered(gce, "PATCH", f"{there(EAST)}/updateNetworkInterface", body, networkInterface="nic0")


def _answered(gce: Gce, verb: str, path: str, body: Any, **params: Any) -> Any:
    answer = gce.call(verb, path, body, **params)
    assert answer.ok, answer.text
    return answer.json()


def _of_attached_disks() -> list[Scenario]:
    vm, made = there(EAST), post(instances(EAST), plain(EAST))
    source = {"source": _DISK, "deviceName": "more", "autoDelete": True}
    attach, detach = post(f"{vm}/attachDisk", source), post(f"{vm}/detachDisk", deviceName="more")
    blank, views, stop = post(f"zones/{EAST}/disks", _BLANK), (vm, _DISK), post(f"{vm}/stop")
    boot = post(f"{vm}/detachDisk", deviceName="persistent-disk-0")
    boot_back = post(f"{vm}/attachDisk", {"source": f"zones/{EAST}/disks/torture", "boot": True, "autoDelete": True})
    boot_views, made_here = (vm, f"zones/{EAST}/disks/torture"), done(made, blank)
    gone, gone_too, back_and_gone = done(delete(vm)), done(delete(vm), delete(_DISK)), done(boot_back, delete(vm))
    return [
        Scenario("attach", "instances.attachDisk", attach, views, made_here, gone),
        Scenario("detach", "instances.detachDisk", detach, views, done(made, blank, attach), gone_too),
        Scenario("detach-boot", "instances.detachDisk", boot, boot_views, done(made, stop), back_and_gone),
        Scenario("attach-boot", "instances.attachDisk", boot_back, boot_views, done(made, stop, boot), gone),
    ]


def _updated(gce: Gce) -> Any:
    vm = gce.get(there(EAST))
    changes = {"labels": {"env": "put"}, "description": "put", "tags": {"items": ["db"]}}
    size = {"machineType": f"zones/{EAST}/machineTypes/e2-small"}
    return _answered(gce, "PUT", there(EAST), {**vm, **changes, **size}, mostDisruptiveAllowedAction="RESTART")


def _of_other_boots() -> list[Scenario]:
    """Machines that boot from a disk that was there, and from a snapshot."""
    vm, kept = there(EAST), f"zones/{EAST}/disks/torture"
    body = plain(EAST)
    boot = {**body["disks"][0], "autoDelete": False}
    first = done(post(instances(EAST), plain(EAST, disks=[boot])), delete(vm))
    of_disk = post(instances(EAST), plain(EAST, disks=[{"source": kept, "boot": True, "autoDelete": True}]))
    taken = post("global/snapshots", {"name": "torture", "sourceDisk": f"zones/{EAST}/disks/torture"})
    snapshot = {"boot": True, "autoDelete": True, "initializeParams": {"sourceSnapshot": "global/snapshots/torture"}}
    of_snapshot = post(instances(EAST), plain(EAST, disks=[snapshot]))
    before = done(post(instances(EAST), plain(EAST)), taken, delete(vm))
    after = done(delete(vm), delete("global/snapshots/torture"))
    return [
        Scenario("insert-of-disk", "instances.insert", of_disk, (vm, kept), first, done(delete(vm))),
        Scenario("insert-of-snapshot", "instances.insert", of_snapshot, (vm, kept), before, after),
    ]


_DISK = f"zones/{EAST}/disks/torture-disk"
_BLANK = {"name": "torture-disk", "sizeGb": "5", "labels": {"env": "torture"}, "description": "d"}


def of_image(zone: str) -> Action:
    """A disk of an image: made by a machine that lives for a moment."""
    image = "projects/debian-cloud/global/images/family/debian-12"
    return post(f"zones/{zone}/disks", {**_BLANK, "sourceImage": image})


def _of_image_disks() -> list[Scenario]:
    """Disks of images, in both kinds of zones, and one that an instance gets beside its boot disk."""
    basic, more = f"zones/{BASIC}/disks/torture-disk", f"zones/{EAST}/disks/torture-more"
    image = "projects/debian-cloud/global/images/family/debian-12"
    data = disk("torture-more", deviceName="more")
    data["initializeParams"] |= {"sourceImage": image, "labels": {"kind": "more"}}
    with_more = post(instances(EAST), plain(EAST, disks=[*plain(EAST)["disks"], data]))
    return [
        Scenario("disk-of-image", "disks.insert", of_image(EAST), (_DISK,), clean=done(delete(_DISK))),
        Scenario("disk-of-image-basic", "disks.insert", of_image(BASIC), (basic,), clean=done(delete(basic))),
        Scenario(
            "insert-with-disk-of-image", "instances.insert", with_more, (there(EAST), more),
            clean=done(delete(there(EAST))),
        ),
    ]  # fmt: skip


def _of_disks() -> list[Scenario]:
    disks, views = f"zones/{EAST}/disks", (_DISK,)
    made, gone = done(post(disks, _BLANK)), done(delete(_DISK))
    snapshot = {"name": "torture", "sourceDisk": f"zones/{EAST}/disks/torture"}
    taken = done(post(instances(EAST), plain(EAST)), post("global/snapshots", snapshot))
    of_snapshot = {"name": "torture-disk", "sourceSnapshot": "global/snapshots/torture"}
    untaken = done(delete(_DISK), delete("global/snapshots/torture"), delete(there(EAST)))
    return [
        Scenario("disk", "disks.insert", post(disks, _BLANK), views, clean=gone),
        Scenario("disk-of-snapshot", "disks.insert", post(disks, of_snapshot), views, taken, untaken),
        Scenario("disk-delete", "disks.delete", delete(_DISK), views, made),
        Scenario("disk-resize", "disks.resize", post(f"{_DISK}/resize", {"sizeGb": "7"}), views, made, gone),
        Scenario("disk-labels", "disks.setLabels", _labels(_DISK, {"env": "other", "new": "x"}), views, made, gone),
        Scenario("disk-update", "disks.update", _patched_disk, views, made, gone),
    ]


def _patched_disk(gce: Gce) -> Any:
    fingerprint = gce.get(_DISK)["labelFingerprint"]
    body = {"name": "torture-disk", "labels": {"env": "patched"}, "labelFingerprint": fingerprint}
    return _answered(gce, "PATCH", _DISK, body, paths="labels")


def _of_snapshots() -> list[Scenario]:
    snapshot, source = "global/snapshots/torture", f"zones/{EAST}/disks/torture"
    body = {"name": "torture", "sourceDisk": source, "labels": {"env": "torture"}, "description": "d"}
    made, unmade = done(post(instances(EAST), plain(EAST))), done(delete(there(EAST)))
    taken = done(post(instances(EAST), plain(EAST)), post("global/snapshots", body))
    gone, labels = done(delete(snapshot), delete(there(EAST))), _labels(snapshot, {"env": "other", "new": "x"})
    return [
        Scenario("snapshot", "snapshots.insert", post("global/snapshots", body), (snapshot,), made, gone),
        Scenario("snapshot-delete", "snapshots.delete", delete(snapshot), (snapshot,), taken, unmade),
        Scenario("snapshot-labels", "snapshots.setLabels", labels, (snapshot,), taken, gone),
    ]


def _of_images() -> list[Scenario]:
    image, images = "global/images/torture", "global/images"
    source = {"name": "torture", "sourceDisk": f"zones/{EAST}/disks/torture", "family": "lab", "labels": {"a": "1"}}
    forced = post(images, source, forceCreate="true")
    machine_made, gone_too = done(post(instances(EAST), plain(EAST))), done(delete(image), delete(there(EAST)))
    file = {"name": "torture", "family": "lab", "rawDisk": {"source": "https://images.example.org/lab.qcow2"}}
    copy = {"name": "torture", "sourceImage": "projects/debian-cloud/global/images/family/debian-12"}
    made, gone = done(post(images, file)), done(delete(image))
    deprecate = post(f"{image}/deprecate", {"state": "DEPRECATED"})
    return [
        Scenario("image", "images.insert", forced, (image,), machine_made, gone_too),
        Scenario("image-of-image", "images.insert", post(images, copy), (image,), clean=gone),
        Scenario("image-of-file", "images.insert", post(images, file), (image,), clean=gone),
        Scenario("image-delete", "images.delete", delete(image), (image,), made),
        Scenario("image-labels", "images.change", _labels(image, {"b": "2"}), (image,), made, gone),
        Scenario("image-deprecate", "images.change", deprecate, (image,), made, gone),
    ]


def _of_templates() -> list[Scenario]:
    template = "global/instanceTemplates/torture"
    image = "projects/debian-cloud/global/images/family/debian-12"
    properties = {
        "machineType": "n1-standard-1",
        "disks": [{"boot": True, "initializeParams": {"sourceImage": image}}],
        "networkInterfaces": [{"network": "global/networks/default"}],
    }
    insert = post("global/instanceTemplates", {"name": "torture", "properties": properties})
    views = (template,)
    return [
        Scenario("template", "instanceTemplates.insert", insert, views, clean=done(delete(template))),
        Scenario("template-delete", "instanceTemplates.delete", delete(template), views, prepare=done(insert)),
    ]


def _of_firewalls() -> list[Scenario]:
    firewall, both = "global/firewalls/torture", (BASIC, EAST)
    there_first = [post(instances(zone), plain(zone, f"torture-{index}")) for index, zone in enumerate(both)]
    then_gone = [delete(there(zone, f"torture-{index}")) for index, zone in enumerate(both)]
    insert = post("global/firewalls", web())
    others = {"allowed": [{"IPProtocol": "tcp", "ports": ["80", "443"]}], "sourceRanges": ["192.0.2.0/24"]}
    return [
        Scenario(
            "firewall-patch",
            "firewalls.patch",
            lambda gce: _answered(gce, "PATCH", firewall, others),
            (firewall,),
            done(*there_first, insert),
            done(delete(firewall), *then_gone),
        ),
        Scenario(
            "firewall", "firewalls.insert", insert, (firewall,), done(*there_first), done(delete(firewall), *then_gone)
        ),
        Scenario(
            "firewall-delete",
            "firewalls.delete",
            delete(firewall),
            (firewall,),
            done(*there_first, insert),
            done(*then_gone),
        ),
    ]


def _of_projects() -> list[Scenario]:
    tier = post("setDefaultNetworkTier", {"networkTier": "PREMIUM"})
    metadata = _metadata([{"key": "torture", "value": "yes"}])
    clean = done(_metadata([]))
    return [
        Scenario("project-metadata", "projects.setCommonInstanceMetadata", metadata, ("",), clean, clean),
        Scenario("network-tier", "projects.setDefaultNetworkTier", tier, ("",), done(tier)),
    ]


def _of_kept_disks() -> list[Scenario]:
    views = (there(EAST), f"zones/{EAST}/disks/torture", f"zones/{EAST}/disks/torture-data")
    made = done(post(instances(EAST), keeping_its_disks(EAST)))
    gone = done(delete(f"zones/{EAST}/disks/torture"), delete(f"zones/{EAST}/disks/torture-data"))
    return [Scenario("delete-keeping-disks", "instances.delete", delete(there(EAST)), views, made, gone)]


SCENARIOS = [
    *_of_instances(EAST, "vpc"),
    *_of_instances(BASIC, "basic"),
    *_of_kept_disks(),
    *_of_machines(),
    *_of_interfaces(),
    *_of_many(),
    *_of_attached_disks(),
    *_of_other_boots(),
    *_of_image_disks(),
    *_of_disks(),
    *_of_snapshots(),
    *_of_images(),
    *_of_templates(),
    *_of_firewalls(),
    *_of_projects(),
]


def cases() -> list[Any]:
    """The scenarios of all works for parametrize: the first of each work always, the others on demand."""
    seen: set[str] = set()
    found = []
    for scenario in SCENARIOS:
        marks = [pytest.mark.soak] if scenario.work in seen else []
        seen.add(scenario.work)
        found.append(pytest.param(scenario, id=scenario.name, marks=marks))
    return found
