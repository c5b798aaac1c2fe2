"""regionDisks: none. CloudStack's volumes are in one zone; every method names itself and says so."""

from gstack.gateway.call import unserved

_METHODS = (
    "addResourcePolicies", "bulkInsert", "createSnapshot", "delete", "get", "getIamPolicy", "insert", "list",
    "removeResourcePolicies", "resize", "setIamPolicy", "setLabels", "startAsyncReplication", "stopAsyncReplication",
    "stopGroupAsyncReplication", "testIamPermissions", "update", "updateKmsKey",
)  # fmt: skip

unserved(
    *(f"compute.regionDisks.{method}" for method in _METHODS),
    why="CloudStack's volumes are in one zone. Use compute.disks in that zone.",
)
