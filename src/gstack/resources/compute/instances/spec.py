"""The description of a new instance: everything that the work needs, checked before the operation is journalled.

A spec is the request of the work, so it is stored as JSON. It holds CloudStack uuids and no URLs.
"""

from typing import Any

import msgspec

from gstack.resources.compute.instances.access_configs import ExternalAddress
from gstack.resources.inventory.image_disks import ImageDiskSpec
from gstack.resources.inventory.placements import Placement
from gstack.resources.inventory.service_offerings import MachineChoice
from gstack.resources.shared.present import present
from gstack.resources.shared.user_data import digest
from gstack.resources.steps.volumes import NewVolume


class DiskSpec(msgspec.Struct, frozen=True):
    """One disk: an existing one (`volume_id`), or a new one that is blank or comes from a snapshot or an image.

    CloudStack makes a boot disk from an image with the machine; `image_disk` says how to make a data disk from an
    image. `offering_id` is empty if the service offering gives the boot disk. `size_gb` is None if the image or the
    offering sets the size. `image` and `source` are the facts about what the disk is made from.
    """

    name: str
    device_name: str
    auto_delete: bool
    kind: str = ""  # name of the disk type
    offering_id: str = ""
    size_gb: int | None = None
    description: str = ""
    labels: dict[str, str] = {}
    volume_id: str = ""
    snapshot_id: str = ""
    of_data_volume: bool | None = None  # whether the snapshot is that of a data volume
    image: dict[str, str] = {}
    source: dict[str, str] = {}
    image_disk: ImageDiskSpec | None = None

    @property
    def comes_with_machine(self) -> bool:
        """Whether CloudStack makes this boot disk with the machine."""
        return not self.volume_id and not self.snapshot_id

    @property
    def facts(self) -> dict[str, Any]:
        """What the sidecar keeps about the disk."""
        return present(
            {
                "name": self.name,
                "device_name": self.device_name,
                "auto_delete": self.auto_delete,
                "description": self.description,
                "type": self.kind,
                "image": self.image,
                "source": self.source,
            }
        )

    def new_volume(self, zone_id: str) -> NewVolume:
        """The volume to create for a disk that is blank or of a snapshot."""
        return NewVolume(
            name=self.name,
            zone_id=zone_id,
            offering_id=self.offering_id,
            size_gb=self.size_gb,
            snapshot_id=self.snapshot_id,
            of_data_volume=self.of_data_volume,
        )


class InterfaceSpec(msgspec.Struct, frozen=True):
    """A network interface. `address` is a fixed internal address or empty."""

    placement: Placement
    address: str = ""


class AccessSpec(msgspec.Struct, frozen=True):
    """The one access config: its name, the index of its interface, its address.

    `lock` is the path of an address of the account, to lock while the machine gets it.
    """

    name: str
    index: int = 0
    address: ExternalAddress = ExternalAddress()
    lock: str = ""


class InstanceSpec(msgspec.Struct, frozen=True):
    """One instance. The first interface is the default one. `user_data` is in base64.

    `machine_type` is the name of a custom type, which is shown as it was sent. `accepted` are the fields that are shown
    as they were sent and have no effect.
    """

    name: str
    zone: str
    template_id: str
    machine: MachineChoice
    interfaces: tuple[InterfaceSpec, ...]
    boot: DiskSpec
    data: tuple[DiskSpec, ...] = ()
    access: AccessSpec | None = None
    machine_type: str = ""
    labels: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    user_data: str = ""
    description: str = ""
    accepted: dict[str, Any] = {}
    deletion_protection: bool = False

    @property
    def disks(self) -> tuple[DiskSpec, ...]:
        """All disks, the boot disk first."""
        return (self.boot, *self.data)

    @property
    def new_disks(self) -> list[str]:
        """The names of the disks that will be created."""
        return [disk.name for disk in self.disks if not disk.volume_id]

    @property
    def placement(self) -> Placement:
        """Where the first interface goes."""
        return self.interfaces[0].placement

    @property
    def zone_id(self) -> str:
        """CloudStack's uuid of the zone."""
        return self.placement.zone_id

    @property
    def facts(self) -> dict[str, Any]:
        """What the sidecar keeps about the machine. An empty `external` says that nic0 has no access config."""
        on_first = self.access is not None and self.access.index == 0
        return {
            **present(
                {
                    "name": self.name,
                    "description": self.description,
                    "tags": list(self.tags),
                    "metadata": self.metadata,
                    "told": digest(self.user_data),
                    "kept": self.accepted,
                    "machine_type": self.machine_type,
                    "network": self.placement.network_path,
                    "subnetwork": self.placement.subnetwork_path,
                }
            ),
            "external": self.access.name if self.access and on_first else "",
        }
