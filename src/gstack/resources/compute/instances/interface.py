"""The network interface that a mutation is about: found by Google's name, with what CloudStack has behind it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances.subject import Subject
from gstack.resources.compute.instances.to_gce import View, named_nics, nic_to_gce
from gstack.resources.inventory import placements as backings
from gstack.resources.inventory.machines import Nic


class GuestNetwork(msgspec.Struct, frozen=True):
    """The CloudStack network of an interface, as listNetworks answers it."""

    id: str
    type: str = ""
    vpcid: str = ""
    cidr: str = ""

    @property
    def place(self) -> dict[str, str]:
        """Where a public address for it is taken: associateIpAddress' parameters; empty where none can be."""
        if self.vpcid:
            return {"vpcid": self.vpcid}
        return {"networkid": self.id} if self.type == "Isolated" else {}


def wanted_nic(subject: Subject, name: str, parameter: str) -> Nic:
    """The interface of this name; 400 in Google's words where the instance has none."""
    known = named_nics(subject.machine)
    if name not in known:
        why = f"'{name}'. The instance has no such network interface. It has {', '.join(known) or 'none'}."
        raise Problem.invalid(parameter, why)
    return known[name]


async def shown(call: Call, subject: Subject, nic: Nic) -> Mapping[str, Any]:
    """The interface as Google's NetworkInterface."""
    networks = await backings.network_links(call, [nic.networkid])
    view = View(subject.machine, subject.found.name, subject.facts, (), subject.location, "", networks)
    names = {its.id: name for name, its in named_nics(subject.machine).items()}
    return nic_to_gce(nic, names[nic.id], view, call.link)


async def network_of(call: Call, nic: Nic) -> GuestNetwork:
    """What is behind the interface."""
    found = await call.cloudstack.list_all("listNetworks", GuestNetwork, {"id": nic.networkid})
    return next(iter(found), GuestNetwork(nic.networkid))
