"""What a disk shows that its volume does not say by itself: its type, and the image that it was created from."""

from collections.abc import Sequence

from gstack.resources.inventory.disk_offerings import PERSISTENT, DiskOfferings
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.templates import Catalog, catalog
from gstack.resources.inventory.volumes import FoundDisk

_ORIGINS = frozenset({"image", "source"})  # facts: what a disk was created from


def type_of(disk: FoundDisk, disk_types: DiskOfferings) -> str:
    """The name of a disk's type: the one that its request named, else that of its offering."""
    if kind := disk.own_facts.get("type"):
        return str(kind)
    offering_id = disk.volume.diskofferingid
    return disk_types.name_of(offering_id) if offering_id else PERSISTENT[0]


async def images_of(reader: Reader, found: Sequence[FoundDisk]) -> Catalog | None:
    """The images, if one of these disks has an image that its facts do not name."""
    unknown = any(one.volume.templateid and not _ORIGINS & one.own_facts.keys() for one in found)
    return await catalog(reader.cloudstack, reader.project) if unknown else None


def image_of(disk: FoundDisk, images: Catalog | None) -> tuple[str, str] | None:
    """Project and name of the image that a disk was created from."""
    facts, volume = disk.own_facts, disk.volume
    if image := facts.get("image"):
        return image["project"], image["name"]
    if not volume.templateid or images is None or "source" in facts:
        return None
    return images.names_of(volume.templateid, volume.templatename)
