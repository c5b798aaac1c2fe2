"""CloudStack's public addresses, as listPublicIpAddresses answers them."""

import msgspec

RESERVED = "Reserved"  # the state of an address that the account has and that no network has


class PublicAddress(msgspec.Struct, frozen=True):
    """A public address. It is in a VPC, or in the isolated network `associatednetworkid`, once it is associated."""

    id: str
    ipaddress: str = ""
    state: str = ""
    issourcenat: bool = False
    isstaticnat: bool = False
    hasrules: bool = False
    vpcid: str = ""
    associatednetworkid: str = ""
    virtualmachineid: str = ""
    allocated: str = ""

    @property
    def idle(self) -> bool:
        """Whether it is neither a network's source NAT nor a machine's static NAT."""
        return not self.issourcenat and not self.isstaticnat

    @property
    def places(self) -> tuple[dict[str, str], ...]:
        """Where it is, in the words in which `Placement.place` says where a machine goes."""
        return {"vpcid": self.vpcid}, {"networkid": self.associatednetworkid}
