"""Reference data: capabilities, hypervisors, OS types, offerings."""

from __future__ import annotations

from typing import NoReturn

from gstack.sandbox import versions
from gstack.sandbox.errors import CloudStackError, denied
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World


@command("listCapabilities")
def list_capabilities(call: Call) -> Answer:
    version = f"{call.settings.cloudstack_version}.0.0-SNAPSHOT"
    own = {"cloudstackversion": version, "allowuserexpungerecovervm": call.settings.expunge_allowed}
    return {"capability": {**_CAPABILITIES, **own}}


@command("listHypervisors")
def list_hypervisors(call: Call) -> Answer:
    names = ["KVM", "VMware", "XenServer", "Simulator", "External"]
    if not versions.has(call.settings.cloudstack_version, "4.23"):
        names[3:3] = ["Hyperv", "BareMetal", "Ovm3", "LXC"]
    return {"count": len(names), "hypervisor": [{"name": name} for name in names]}


@command("getApiLimit")
def get_api_limit(_call: Call) -> NoReturn:
    """Refuse: API throttling is off, as by default in CloudStack."""
    raise CloudStackError(432, "This api is only available when api.throttling.enabled = true.")


@command("listOsTypes", id="ostype")
def list_os_types(call: Call) -> Answer:
    rows = chosen(call, call.world.all("ostype"), "name", "oscategoryid", "description")
    return page(call, "ostype", rows, plain)


@command("listOsCategories", id="oscategory")
def list_os_categories(call: Call) -> Answer:
    return page(call, "oscategory", chosen(call, call.world.all("oscategory"), "name"), plain)


@command("listServiceOfferings", id="serviceoffering")
def list_service_offerings(call: Call) -> Answer:
    """Return the offerings; with a machine those that it can be changed to. Those of the system are hidden."""
    if call.args.get("issystem"):
        raise denied("Only ROOT admins can access system offerings")
    exact = ("name", "cpunumber", "cpuspeed", "memory", "state", "storagetype", "encryptroot")
    rows = chosen(call, call.world.all("serviceoffering"), *exact)
    machine = call.optional("virtualmachine", "virtualmachineid")
    if machine:
        rows = [row for row in rows if row["id"] != call.require_use(machine)["serviceofferingid"]]
    return page(call, "serviceoffering", rows, plain)


@command("listDiskOfferings", id="diskoffering")
def list_disk_offerings(call: Call) -> Answer:
    return page(
        call, "diskoffering", chosen(call, call.world.all("diskoffering"), "name", "encrypt", "storagetype"), plain
    )


@command("listNetworkOfferings", id="networkoffering")
def list_network_offerings(call: Call) -> Answer:
    args = call.args
    wanted = {service.lower() for service in args.get("supportedservices", [])}
    rows = [
        row
        for row in chosen(
            call,
            call.world.all("networkoffering"),
            *(
                "name",
                "state",
                "guestiptype",
                "forvpc",
                "traffictype",
                "isdefault",
                "availability",
                "specifyvlan",
                "specifyipranges",
                "displaytext",
            ),
        )
        if wanted <= {service["name"].lower() for service in row["service"]}
    ]
    return page(call, "networkoffering", rows, plain)


@command("listVPCOfferings", id="vpcoffering")
def list_vpc_offerings(call: Call) -> Answer:
    return page(
        call,
        "vpcoffering",
        chosen(call, call.world.all("vpcoffering"), "name", "state", "isdefault", "displaytext"),
        plain,
    )


@command("listIsos")
def list_isos(_call: Call) -> Answer:
    """Return nothing: the sandbox has no ISOs and its users cannot register any."""
    return {}


def plain(_world: World, row: Row) -> Answer:
    """Return a row that is stored in the form of its answer."""
    return row


_CAPABILITIES: Answer = {
    "securitygroupsenabled": True,
    "dynamicrolesenabled": True,
    "cloudstackversion": "",  # from the settings
    "userpublictemplateenabled": True,
    "supportELB": "false",
    "projectinviterequired": False,
    "allowusercreateprojects": True,
    "customdiskofferingminsize": 1,
    "customdiskofferingmaxsize": 1024,
    "regionsecondaryenabled": False,
    "kvmsnapshotenabled": True,
    "snapshotshowchainsize": False,
    "allowuserviewdestroyedvm": False,
    "allowuserexpungerecovervm": False,
    "allowuserexpungerecovervolume": True,
    "allowuserviewalldomainaccounts": False,
    "allowuserforcestopvm": True,
    "kubernetesserviceenabled": False,
    "kubernetesclusterexperimentalfeaturesenabled": False,
    "customhypervisordisplayname": "Custom",
    "defaultuipagesize": 20,
    "instancesstatsretentiontime": 720,
    "instancesstatsuseronly": False,
    "instancesdisksstatsretentionenabled": False,
    "instancesdisksstatsretentiontime": 720,
    "sharedfsvmmincpucount": 2,
    "sharedfsvmminramsize": 1024,
    "instanceleaseenabled": False,
    "dynamicscalingenabled": False,
    "additionalconfigenabled": False,
}
