"""Which fields of instances, disks and interfaces are refused, which are accepted without effect, and why. Pure.

No field of a request is dropped in silence. A field either has an effect here, or is shown as it was sent, with a
warning (for fields that clients send by habit), or is refused by name with a 400. Values that ask for nothing (`false`,
empty, Google's own defaults) are always accepted, since Terraform and the SDKs send them with every request.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gstack.errors import Problem

ACCEPTED = ("scheduling", "serviceAccounts", "shieldedInstanceConfig", "minCpuPlatform")
IGNORED = "FIELD_VALUE_OVERRIDEN"  # the warning's code, in Google's spelling

_DEFAULTS = {
    "ANY_RESERVATION",
    "NO_RESERVATION",
    "NONE",
    "KEY_REVOCATION_ACTION_TYPE_UNSPECIFIED",
    "INHERIT_FROM_SUBNETWORK",
    "DEFAULT",
    "IPV4_ONLY",
    "VIRTIO_NET",
    "UNSPECIFIED_NIC_TYPE",
    "PREMIUM",
    "STANDARD_ENCRYPTION",
    "LOCAL_SSD_ENCRYPTION_MODE_UNSPECIFIED",
    "IGMP_QUERY_DISABLED",
    "SCSI",
    "PERSISTENT",
    "READ_WRITE",
    "ONE_TO_ONE_NAT",
    "STANDARD_NETWORK",
}
INSTANCE = {
    "hostname": "CloudStack names the guest after the instance. Leave hostname out.",
    "guestAccelerators": "accelerators are not served here.",
    "canIpForward": "CloudStack's networks deliver to a machine only what is addressed to it.",
    "confidentialInstanceConfig": "CloudStack offers no confidential machines.",
    "instanceEncryptionKey": "CloudStack does not accept encryption keys.",
    "resourcePolicies": "resource policies are not served here.",
    "networkPerformanceConfig": "CloudStack's service offering sets the network's rate.",
    "advancedMachineFeatures": "the service offering determines the processors.",
    "displayDevice": "the console is CloudStack's own; there is no display to enable.",
    "reservationAffinity": "there are no reservations here.",
    "privateIpv6GoogleAccess": "IPv6 is not served here.",
    "keyRevocationActionType": "CloudStack does not accept encryption keys.",
    "sourceMachineImage": "machine images are not served here. Use an image.",
    "sourceMachineImageEncryptionKey": "machine images are not served here.",
    "workloadIdentityConfig": "workload identities are not served here.",
    "params": "resource manager tags are not served here.",
    "localSsdEncryptionMode": "there are no local SSDs here.",
}
SCHEDULING = {
    "maxRunDuration": "CloudStack would not stop the machine in time. Leave it out, and delete the instance yourself.",
    "terminationTime": "CloudStack would not stop the machine in time. Leave it out, and delete the instance yourself.",
    "nodeAffinities": "CloudStack places machines by itself.",
    "availabilityDomain": "CloudStack places machines by itself.",
}
DISK = {
    "type": "there are no local SSDs here: send PERSISTENT.",
    "interface": "CloudStack chooses how a disk is connected: send SCSI or nothing.",
    "mode": "CloudStack cannot attach disks read-only: send READ_WRITE.",
    "diskEncryptionKey": "CloudStack does not accept encryption keys.",
    "forceAttach": "only regional disks can be forced, and there are none here. Detach the disk first.",
    "shieldedInstanceInitialState": "CloudStack keeps no keys for Secure Boot.",
}
INITIALIZE = {
    "sourceImageEncryptionKey": "CloudStack does not accept encryption keys.",
    "sourceSnapshotEncryptionKey": "CloudStack does not accept encryption keys.",
    "enableConfidentialCompute": "CloudStack offers no confidential disks.",
    "provisionedIops": "the disk offering behind the disk type sets the rate.",
    "provisionedThroughput": "the disk offering behind the disk type sets the rate.",
    "replicaZones": "CloudStack's disks are in one zone.",
    "resourcePolicies": "resource policies are not served here.",
    "resourceManagerTags": "resource manager tags are not served here.",
    "storagePool": "CloudStack chooses the storage.",
}
INTERFACE = {
    "aliasIpRanges": "a network interface has one address here.",
    "aliasIpv6Ranges": "IPv6 is not served here.",
    "ipv6AccessConfigs": "IPv6 is not served here.",
    "ipv6Address": "IPv6 is not served here.",
    "internalIpv6PrefixLength": "IPv6 is not served here.",
    "stackType": "IPv6 is not served here: send IPV4_ONLY.",
    "networkAttachment": "network attachments are not served here.",
    "serviceClassId": "service classes are not served here.",
    "parentNicName": "dynamic interfaces are not served here.",
    "vlan": "dynamic interfaces are not served here.",
    "igmpQuery": "multicast is not served here.",
    "enableVpcScopedDns": "each CloudStack network has its own DNS.",
}
ACCESS = {
    "natIP": "add the interface without an access config, and then the access config with natIP.",
    "externalIpv6": "IPv6 is not served here.",
    "externalIpv6PrefixLength": "IPv6 is not served here.",
    "ipCollection": "public delegated prefixes are not served here.",
    "setPublicPtr": "CloudStack keeps no reverse DNS.",
    "publicPtrDomainName": "CloudStack keeps no reverse DNS.",
    "securityPolicy": "security policies are not served here.",
    "networkTier": "this cloud has one tier: send PREMIUM or nothing.",
    "type": "send ONE_TO_ONE_NAT.",
}
# Fields that are ignored with a warning.
NO_EFFECT = {"shieldedInstanceIntegrityPolicy": "machines here are not shielded."}
DISK_NO_EFFECT = {"guestOsFeatures": "the image determines them."}
INITIALIZE_NO_EFFECT = {
    "architecture": "the image determines it.",
    "licenses": "they are kept only for images and for disks made with disks.insert.",
    "onUpdateAction": "there are no instance groups here that would use it.",
}
INTERFACE_NO_EFFECT = {
    "nicType": "the hypervisor chooses the kind of interface.",
    "queueCount": "the hypervisor chooses the number of queues.",
}
_HABITUAL = {"automaticRestart": True, "onHostMaintenance": "MIGRATE", "provisioningModel": "STANDARD"}


def refuse(given: Mapping[str, Any], reasons: Mapping[str, str], field: str) -> None:
    """Raise Problem.unsupported for the first field that asks for something; `reasons` say why it is refused."""
    for name, why in reasons.items():
        if not is_void(given.get(name)):
            raise Problem.unsupported(f"{field}.{name}", why)


def is_void(value: Any) -> bool:
    """Whether a value asks for nothing: at every level it is absent, empty, false or Google's own default."""
    if isinstance(value, Mapping):
        return all(is_void(inner) for inner in value.values())
    if isinstance(value, list):
        return all(is_void(inner) for inner in value)
    return not value or value in _DEFAULTS


def accepted(body: Mapping[str, Any], default_account: str) -> dict[str, Any]:
    """The fields that are shown as they were sent and have no effect. As on GCE, `default` becomes an e-mail."""
    if len(body.get("serviceAccounts") or ()) > 1:
        raise Problem.invalid("resource.serviceAccounts", "at most one service account is allowed.")
    found = {name: body[name] for name in ACCEPTED if body.get(name)}
    if accounts := found.get("serviceAccounts"):
        found["serviceAccounts"] = [_account(account, default_account) for account in accounts]
    return found


def warnings(found: Mapping[str, Any], default_account: str) -> Iterator[str]:
    """The warnings about accepted fields; none if a client sent only what it always sends."""
    if found.get("minCpuPlatform"):
        yield "minCpuPlatform is kept and has no effect: the cloud chooses its processors."
    if not is_void(found.get("shieldedInstanceConfig", {}).get("enableSecureBoot")):
        yield "shieldedInstanceConfig is kept and has no effect: CloudStack's machines are not shielded."
    yield from _scheduling_warnings(found.get("scheduling", {}))
    if any(account["email"] != default_account for account in found.get("serviceAccounts", [])):
        yield "serviceAccounts is kept and has no effect: machines here get no tokens."


def _scheduling_warnings(scheduling: Mapping[str, Any]) -> Iterator[str]:
    """One warning for all options. The options of a preemptible machine always differ from the defaults."""
    if scheduling.get("preemptible") or scheduling.get("provisioningModel", "STANDARD") != "STANDARD":
        yield "CloudStack has no preemptible machines, so this is an ordinary one. scheduling is kept as it was sent."
        return
    ignored = [
        name
        for name, value in scheduling.items()
        if (value != _HABITUAL[name] if name in _HABITUAL else not is_void(value))
    ]
    if ignored:
        yield (
            f"scheduling ({', '.join(sorted(ignored))}) is kept and has no effect: CloudStack restarts and moves "
            "machines by its own rules."
        )


def ignored(body: Mapping[str, Any], field: str = "resource") -> Iterator[str]:
    """The warnings about fields of an instance that have no effect and are not shown again."""
    yield from without_effect(body, NO_EFFECT, field)
    for index, disk in enumerate(body.get("disks") or ()):
        place = f"{field}.disks[{index}]"
        yield from without_effect(disk, DISK_NO_EFFECT, place)
        initialize = disk.get("initializeParams") or {}
        yield from without_effect(initialize, INITIALIZE_NO_EFFECT, f"{place}.initializeParams")
    for index, one in enumerate(body.get("networkInterfaces") or ()):
        yield from without_effect(one, INTERFACE_NO_EFFECT, f"{field}.networkInterfaces[{index}]")


def without_effect(given: Mapping[str, Any], reasons: Mapping[str, str], field: str) -> Iterator[str]:
    """The warnings about the fields of a table that ask for something."""
    yield from (f"{field}.{name} has no effect: {why}" for name, why in reasons.items() if not is_void(given.get(name)))


def _account(account: Mapping[str, Any], default: str) -> dict[str, Any]:
    email = account.get("email") or "default"
    return {**account, "email": default if email == "default" else email}
