"""Load balancer rules: a port of a public address is shared among machines."""

from __future__ import annotations

from gstack.sandbox import machines, removal, rule_checks, versions, views
from gstack.sandbox.commands.firewall_rules import own_address
from gstack.sandbox.commands.internal_load_balancers import balances_inside
from gstack.sandbox.commands.port_forwarding import open_firewall, rule_network
from gstack.sandbox.errors import CloudStackError, invalid, parameter_error, runtime
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.world import Row, World, new_id

ALGORITHMS = ("roundrobin", "leastconn", "source")
PROTOCOLS = ("tcp", "udp", "tcp-proxy", "ssl")


@command("createLoadBalancerRule", publicipid="publicip", networkid="network")
def create_rule(call: Call) -> Job:
    args = call.args
    if "publicipid" not in args:
        raise invalid("publicipid is required: the sandbox has no elastic load balancing")
    address = own_address(call, "publicipid")
    _check(call)
    port = args["publicport"]
    network = rule_network(call, address)
    if balances_inside(call.world, network):
        raise parameter_error("Scheme Public is not supported by the network offering")
    try:
        rule_checks.check_public_ports(call.world, address, port, port, args.get("protocol", ""))
        row = call.world.put("loadbalancer", _new_row(call, address))
        if args.get("openfirewall", not address.get("vpcid")):
            open_firewall(call.world, {**row, "protocol": "tcp"}, address, (port, port))
    except CloudStackError as error:
        raise CloudStackError(error.code, error.text) from None  # this command hides the code of the exception class
    return Job("FirewallRule", row["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


def _check(call: Call) -> None:
    for name in ("publicport", "privateport"):
        if not 0 <= call.args[name] <= rule_checks.LARGEST_PORT:
            raise invalid(f"{name} is an invalid value: {call.args[name]}")
    _check_words(call)


def _check_words(call: Call) -> None:
    if call.args.get("algorithm", ALGORITHMS[0]) not in ALGORITHMS:
        raise parameter_error(f"Invalid algorithm: {call.args['algorithm']}")
    protocol = call.args.get("protocol", "tcp")
    if protocol not in PROTOCOLS:
        raise parameter_error(f"protocol {protocol} is not in valid protocols [{', '.join(PROTOCOLS)}]")
    if protocol == "udp":
        raise parameter_error("LB service provider cannot support this rule")  # the virtual router cannot


def _new_row(call: Call, address: Row) -> Row:
    row: Row = {
        "id": new_id(),
        "publicipid": address["id"],
        "networkid": rule_network(call, address)["id"],
        "zoneid": address["zoneid"],
        "accountid": address["accountid"],
        "state": "Add",
    }
    given = ("name", "algorithm", "publicport", "privateport", "protocol", "description", "cidrlist")
    return row | {name: call.args[name] for name in given if call.args.get(name) not in (None, "", [])}


@work("createLoadBalancerRule")
def created_rule(call: Call) -> Answer:
    """Return the rule in state Add: as recorded, it becomes Active with its first machine."""
    return {"loadbalancer": to_rule(call.world, call.world.one("loadbalancer", call.facts["id"]))}


@failure("createLoadBalancerRule")
def not_created(call: Call) -> None:
    row = call.world.get("loadbalancer", call.facts["id"])
    if row:
        removal.balancer(call.world, row)


@command(
    "listLoadBalancerRules",
    id="loadbalancer",
    publicipid="publicip",
    networkid="network",
    virtualmachineid="virtualmachine",
)
def list_rules(call: Call) -> Answer:
    public = [row for row in reversed(call.own_rows("loadbalancer")) if "publicipid" in row]
    rows = chosen(call, public, "name", "publicipid", "networkid", "zoneid")
    machine = call.args.get("virtualmachineid")
    if machine:
        used = {row["lbruleid"] for row in call.world.find("loadbalancermember", virtualmachineid=machine)}
        rows = [row for row in rows if row["id"] in used]
    return page(call, "loadbalancerrule", rows, to_rule)


def to_rule(world: World, row: Row) -> Answer:
    shown: Answer = {"id": row["id"], "name": row["name"]}
    shown |= {"description": row["description"]} if "description" in row else {}
    shown |= {"publicipid": row["publicipid"], "publicip": world.one("publicip", row["publicipid"])["ipaddress"]}
    shown |= {"publicport": str(row["publicport"]), "privateport": str(row["privateport"])}
    shown |= {"algorithm": row["algorithm"], "networkid": row["networkid"]}
    shown |= {"cidrlist": ",".join(row["cidrlist"])} if "cidrlist" in row else {}
    shown |= {**views.owner(world, row), "state": row["state"], **views.zone(world, row)}
    shown |= {"protocol": row["protocol"]} if "protocol" in row else {}
    return {**shown, "tags": views.short_tags(world, row["id"])}


@command("updateLoadBalancerRule", id="loadbalancer")
def update_rule(call: Call) -> Job:
    _check_words(call)
    return Job()


@work("updateLoadBalancerRule")
def updated_rule(call: Call) -> Answer:
    row = call.entity("loadbalancer", "id")
    if "protocol" not in row:  # as recorded: CloudStack 4.23 fails on rules that were made without a protocol
        raise runtime(
            'Cannot invoke "String.equals(Object)" because the return value of '
            '"com.cloud.network.dao.LoadBalancerVO.getLbProtocol()" is null'
        )
    names = ("name", "algorithm", "description", "protocol", "cidrlist")
    given = {name: call.args[name] for name in names if call.args.get(name)}
    if not given and call.world.find("loadbalancermember", lbruleid=row["id"]):
        raise runtime(f"Failed to update load balancer rule: LoadBalancer {row['name']}")  # nothing to change
    shown = to_rule(call.world, call.world.update("loadbalancer", row["id"], **given))
    return {"loadbalancer": {**shown, "state": "Add"} if "algorithm" in given or "protocol" in given else shown}


@work("deleteLoadBalancerRule")
def deleted_rule(call: Call) -> Answer:
    removal.balancer(call.world, call.entity("loadbalancer", "id"))
    return {"success": True}


@command("deleteLoadBalancerRule", id="loadbalancer")
@command("assignToLoadBalancerRule", id="loadbalancer", virtualmachineids="virtualmachine")
@command("removeFromLoadBalancerRule", id="loadbalancer", virtualmachineids="virtualmachine")
def change_members(_call: Call) -> Job:
    return Job()


@work("assignToLoadBalancerRule")
def assigned(call: Call) -> Answer:
    rule = call.entity("loadbalancer", "id")
    wanted = _machines(call)
    if not wanted:
        raise invalid("Either virtualmachineids or vmidipmap must be specified")
    for identity in wanted:
        _assign(call, rule, identity)
    call.world.update("loadbalancer", rule["id"], state="Active")
    return {"success": True}


def _machines(call: Call) -> list[str]:
    mapped = [entry.get("vmid", "") for entry in call.args.get("vmidipmap", [])]
    return list(dict.fromkeys([*call.args.get("virtualmachineids", []), *mapped]))


def _assign(call: Call, rule: Row, identity: str) -> None:
    world = call.world
    machine = world.get("virtualmachine", identity)
    if machine is None or machine["state"] in ("Destroyed", "Error") or machine["accountid"] != rule["accountid"]:
        raise invalid(f"Invalid instance id: {identity}")
    if world.find("loadbalancermember", lbruleid=rule["id"], virtualmachineid=identity):
        raise runtime("Failed to assign load balancer rule")
    nic = world.first("nic", virtualmachineid=identity, networkid=rule["networkid"])
    if nic is None:
        reason = " due to: VM with id specified cannot be added because it doesn't belong in the same network."
        newer = versions.has(call.settings.cloudstack_version, "4.23")
        raise runtime(f"Failed to assign load balancer rule{reason if newer else ''}")
    row = {"lbruleid": rule["id"], "virtualmachineid": identity, "ipaddress": nic["ipaddress"]}
    world.put("loadbalancermember", row)


@work("removeFromLoadBalancerRule")
def unassigned(call: Call) -> Answer:
    members = {row["virtualmachineid"]: row for row in call.world.find("loadbalancermember", lbruleid=call.args["id"])}
    for identity in _machines(call):
        if identity in members:  # as recorded, CloudStack ignores a machine that is not assigned
            call.world.delete("loadbalancermember", members[identity]["id"])
    return {"success": True}


@command("listLoadBalancerRuleInstances", id="loadbalancer")
def list_instances(call: Call) -> Answer:
    """Return the machines of a rule, with their addresses if `lbvmips` is true, or the others if `applied` is false."""
    rule = call.require_use(call.entity("loadbalancer", "id"))
    members = call.world.find("loadbalancermember", lbruleid=rule["id"])
    if not call.args.get("applied", True):
        return _not_assigned(call, rule, {row["virtualmachineid"] for row in members})
    if call.args.get("lbvmips"):
        return page(call, "lbrulevmidip", members, _with_address)
    rows = [call.world.one("virtualmachine", row["virtualmachineid"]) for row in members]
    return page(call, "loadbalancerruleinstance", rows, machines.view)


def _not_assigned(call: Call, rule: Row, members: set[str]) -> Answer:
    on_network = [row["virtualmachineid"] for row in call.world.find("nic", networkid=rule["networkid"])]
    rows = [call.world.one("virtualmachine", identity) for identity in on_network if identity not in members]
    alive = [row for row in rows if row["state"] in ("Running", "Stopped")]
    return page(call, "loadbalancerruleinstance", alive, machines.view)


def _with_address(world: World, row: Row) -> Answer:
    machine = world.one("virtualmachine", row["virtualmachineid"])
    return {"loadbalancerruleinstance": machines.view(world, machine), "lbvmipaddresses": [row["ipaddress"]]}
