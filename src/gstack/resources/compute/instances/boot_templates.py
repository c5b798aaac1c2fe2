"""Which template a machine is deployed of that boots from a disk or a snapshot which is there already.

CloudStack deploys machines of templates. Its `volumeid` and `snapshotid` (4.21 and later) are for KVM with storage for
the whole zone alone, so the machine is deployed stopped, of the template that the disk came from, and the disk takes
the place of the one that came with the machine. That template also says what hardware the system on the disk expects.
Where it is gone, another one of the same operating system does; without any, an image of the disk must be made first.
"""

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.inventory.os_types import os_types
from gstack.resources.inventory.snapshots import VolumeSnapshot
from gstack.resources.inventory.templates import Catalog, catalog
from gstack.resources.inventory.volumes import Volume
from gstack.resources.inventory.zones import Location

_NONE = (
    "CloudStack deploys machines of images only, and the one that this came from is not there any more. Make an image "
    "of it (images.insert), and start from that."
)
_NO_SYSTEM = "there is no operating system on it: it was not made of an image."


async def template_of(call: Call, location: Location, volume: Volume, field: str) -> str:
    """The uuid of the template for a machine that boots from this volume; 400 where there is none."""
    if not volume.templateid:
        raise Problem.unsupported(field, _NO_SYSTEM)
    known = await catalog(call.cloudstack, call.project)
    if not _there(known, location, volume.templateid):
        raise Problem.unsupported(field, _NONE)
    return volume.templateid


async def snapshots_template(call: Call, location: Location, snapshot: VolumeSnapshot, field: str) -> str:
    """The uuid of the template for a machine that boots from a disk of this snapshot; 400 where there is none."""
    source = (
        await call.cloudstack.list_all("listVolumes", Volume, {"id": snapshot.volumeid}) if snapshot.volumeid else []
    )
    template_id = source[0].templateid if source else ""
    if not template_id and not snapshot.ostypeid:
        raise Problem.unsupported(field, _NO_SYSTEM if source else _NONE)
    known = await catalog(call.cloudstack, call.project)
    if template_id and _there(known, location, template_id):
        return template_id
    types = await os_types(call.cloudstack) if snapshot.ostypeid else []
    name = next((one.description for one in types if one.id == snapshot.ostypeid), "")
    similar = [image.id for image in known.all if name and image.os_type == name and location.id in image.zones]
    if not similar:
        raise Problem.unsupported(field, _NONE)
    return similar[0]


def _there(known: Catalog, location: Location, template_id: str) -> bool:
    image = known.by_id.get(template_id)
    return bool(image and location.id in image.zones)
