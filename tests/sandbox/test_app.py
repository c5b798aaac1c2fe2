"""The sandbox's front door."""

from __future__ import annotations

from typing import Any

import requests

from gstack.sandbox.server import ThreadedSandbox


def test_zones_are_the_seeded_ones(demo: Any) -> None:
    """The three zones of the design are there, one Basic and two Advanced."""
    zones = demo.ok("listZones")["zone"]
    assert [(zone["name"], zone["networktype"]) for zone in zones] == [
        ("Sandbox-simulator", "Basic"),
        ("sandbox-east1-a", "Advanced"),
        ("sandbox-west1-a", "Advanced"),
    ]


def test_unsigned_call_is_refused(server: ThreadedSandbox) -> None:
    """A call without a key is answered 401 in CloudStack's words."""
    answer = requests.get(server.url, params={"command": "listZones", "response": "json"}, timeout=10)
    assert answer.status_code == 401
    text = answer.json()["listzonesresponse"]["errortext"]
    assert text == "unable to verify user credentials and/or request signature"


def test_xml_without_json_asked(server: ThreadedSandbox) -> None:
    """An answer is XML unless JSON is asked for, as CloudStack's is."""
    answer = requests.get(server.url, params={"command": "listZones"}, timeout=10)
    assert "<errorcode>401</errorcode>" in answer.text
