"""Autoscaling: the sandbox has the counters of a fresh CloudStack and no groups."""

from __future__ import annotations

from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World


@command("listCounters", id="counter")
def list_counters(call: Call) -> Answer:
    return page(call, "counter", chosen(call, call.world.all("counter"), "name", "source", "provider"), _shown)


def _shown(_world: World, row: Row) -> Answer:
    return {name: row[name] for name in ("id", "name", "source", "value", "provider")}


@command("listAutoScaleVmGroups")
def list_groups(_call: Call) -> Answer:
    return {}


@command("listAutoScaleVmProfiles")
def list_profiles(_call: Call) -> Answer:
    return {}


@command("listAutoScalePolicies")
def list_policies(_call: Call) -> Answer:
    return {}


@command("listConditions")
def list_conditions(_call: Call) -> Answer:
    return {}
