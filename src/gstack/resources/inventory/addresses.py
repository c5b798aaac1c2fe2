"""CloudStack's public addresses, as listPublicIpAddresses answers them."""

import msgspec

RESERVED = "Reserved"  # the state of an address that the account owns and that is in no network


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
        """Where the address is, in the form of `Placement.place`."""
        return {"vpcid": self.vpcid}, {"networkid": self.associatednetworkid}
