"""Paths of the document in Falcon's form."""

from gstack.gateway.discovery import methods
from gstack.gateway.routes import fields, routes, template


def test_every_method_has_a_route_of_its_own() -> None:
    """No two methods share a path and a verb."""
    assert sum(len(verbs) for verbs in routes(methods()).values()) == len(methods())


def test_fields_are_named_by_position() -> None:
    """Methods that call the same segment differently share a route."""
    table = routes(methods())
    known, other = methods()["compute.instances.get"], methods()["compute.instances.getIamPolicy"]
    assert template(known) == "projects/{s1}/zones/{s3}/instances/{s5}"
    assert template(other).startswith(template(known))
    assert set(table[template(known)]) == {"GET", "PUT", "DELETE"}


def test_parameters_are_read_back_by_their_names() -> None:
    """A bound method gives its own names to what the router found."""
    bound = routes(methods())["projects/{s1}/zones/{s3}/instances/{s5}/setLabels"]["POST"]
    segments = {"s1": "p", "s3": "z", "s5": "vm{1}"}
    assert bound.path_values(segments) == {"project": "p", "zone": "z", "instance": "vm{1}"}


def test_a_parameter_over_several_segments_is_put_together() -> None:
    """`{+parentName}` spans the segments that its flat path has more."""
    found = fields(methods()["compute.reservationSlots.get"])
    parent = "reservations/{s5}/reservationBlocks/{s7}/reservationSubBlocks/{s9}"
    assert found == {"project": "{s1}", "zone": "{s3}", "parentName": parent, "reservationSlot": "{s11}"}
