"""What a new instance will be: everything that the work needs, checked before the operation's row is written.

A plan is JSON-able and holds CloudStack uuids, never URLs: it is the `args` of the operation, read again after a
restart.
"""

from typing import Any

import msgspec

from gstack.resources.compute.instances.user_data import told
from gstack.resources.inventory.image_disks import ImageDiskSpec
from gstack.resources.inventory.placements import Placement


class DiskPlan(msgspec.Struct, frozen=True):
    """One disk. `volume_id` is that of an existing volume; without one the disk is made, of `snapshot_id` or blank.

    `making` is how a data disk is made of an image. `offering_id` is empty for a boot disk that takes what the service
    offering gives; `size_gb` is None where the image or the offering has the only size. `image` is {"project": …,
    "name": …} of a disk that is made of one; `source` is the fact of what another one was made of.
    """

    name: str
    device_name: str
    auto_delete: bool
    field: str
    kind: str = ""
    offering_id: str = ""
    size_gb: int | None = None
    description: str = ""
    labels: dict[str, str] = {}
    image: dict[str, str] = {}
    volume_id: str = ""
    snapshot_id: str = ""
    source: dict[str, str] = {}
    making: ImageDiskSpec | None = None

    @property
    def of_image(self) -> bool:
        """Whether CloudStack makes it with the machine."""
        return not self.volume_id and not self.snapshot_id

    @property
    def facts(self) -> dict[str, Any]:
        """What the sidecar keeps of the disk."""
        known = {
            "name": self.name,
            "device_name": self.device_name,
            "auto_delete": self.auto_delete,
            "description": self.description or None,
            "type": self.kind or None,
            "image": self.image or None,
            "source": self.source or None,
        }
        return {name: value for name, value in known.items() if value is not None}


class Interface(msgspec.Struct, frozen=True):
    """A further network interface. `ip` is a fixed internal address or empty."""

    placement: Placement
    ip: str = ""


class External(msgspec.Struct, frozen=True):
    """The external address of a machine: an ephemeral one, or one that the account holds.

    `index` is that of the interface. `held` is the uuid of the address, empty for an ephemeral one, and `address` the
    address itself where it is only reserved, and CloudStack must bring it to the network first.
    """

    index: int = 0
    held: str = ""
    address: str = ""


class Plan(msgspec.Struct, frozen=True):
    """One instance. `user_data` is base64, `external` the name of its access config or empty, `ip` a fixed address.

    `placement` and `ip` are those of the first interface. `address_hold` is what to hold of an address that the account
    holds. `machine_type` is the type's name as it was asked for.
    """

    name: str
    zone: str
    offering_id: str
    template_id: str
    placement: Placement
    boot: DiskPlan
    data: tuple[DiskPlan, ...] = ()
    cpu: int | None = None
    memory_mb: int | None = None
    cpu_speed: int | None = None
    ip: str = ""
    others: tuple[Interface, ...] = ()
    external: str = ""
    address: External = External()
    address_hold: tuple[str, ...] = ()
    machine_type: str = ""
    labels: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    user_data: str = ""
    description: str = ""
    kept: dict[str, Any] = {}
    deletion_protection: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """What the sidecar keeps of the machine."""
        known = {
            "name": self.name,
            "description": self.description,
            "tags": list(self.tags),
            "metadata": self.metadata,
            "told": told(self.user_data),
            "kept": self.kept,
            "external": "" if self.address.index else self.external,
            "machine_type": self.machine_type,
            "network": self.placement.network_path,
            "subnetwork": self.placement.subnetwork_path,
        }
        return {name: value for name, value in known.items() if value or name == "external"}
