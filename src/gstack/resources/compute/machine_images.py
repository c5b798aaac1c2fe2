"""machineImages: none. CloudStack has no image of a whole machine; every method names itself and says so."""

from gstack.gateway.call import unserved

_METHODS = ("delete", "get", "insert", "list", "setLabels", "testIamPermissions", "getIamPolicy", "setIamPolicy")

unserved(
    *(f"compute.machineImages.{method}" for method in _METHODS),
    why="CloudStack has no image of a whole machine. Make images of its disks (compute.images.insert).",
)
