"""What a real CloudStack answered, replayed against a fresh sandbox: status, error codes and the shape of answers.

The recordings (`recordings.jsonl.gz`) were made by two ordinary users, alice and bob, in three zones. A recorded uuid
and ours at the same place of an answer are the same thing from then on. What differs is listed in `differences.txt`,
one line each; the list may only shrink: a listed difference that is gone fails the test, and so does a new one.
To write the list anew: `python tests/sandbox/test_recordings.py > tests/sandbox/differences.txt`.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import requests

from gstack.sandbox.machines import forget
from gstack.sandbox.seed import add_custom_offering, add_service_offering
from gstack.sandbox.server import running
from gstack.sandbox.settings import SandboxSettings, ZoneSpec, new_account
from gstack.sandbox.signing import sign
from gstack.sandbox.world import World

HERE = Path(__file__).parent
ZONES = (
    ZoneSpec("Sandbox-simulator", "Basic", securitygroups=True),
    ZoneSpec("adv", "Advanced"),
    ZoneSpec("advsg", "Advanced", securitygroups=True),
)
BOB = ({125, 126, 127, 382, 383, 384, 616, 617}, 767)  # single calls of his, and all from here on
UNSIGNED = (0, 1)
# Dead machines that the recorded cloud, which did not wait for a day, had expunged by then.
EXPUNGED = {394: ("iso-vm3",), 580: ("sandbox-simulator-sg1", "sandbox-simulator-vm2")}
OFFERINGS_ADDED = 662  # an administrator made two offerings just before
SESSION = range(767, 776)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Maps whose keys are data, and lists whose length is a fact of that installation.
FREE = ("details", "readonlydetails", "downloaddetails", "keypermission", "uuidList")
# What a statistics thread fills in some time after a machine's start.
CHANCE = {
    *("cpuused", "memorykbs", "memoryintfreekbs", "memorytargetkbs", "networkkbsread", "networkkbswrite"),
    *("diskioread", "diskiowrite", "diskkbsread", "diskkbswrite"),
}
# The recorded cloud had no secondary storage at first: templates could not be made.
TEMPLATES_FAIL = range(625)
# Root volumes that were looked up outside of the recordings: at which call, which volume, of which machine.
FREE_ADDRESS = (907, "b18519eb-5dc9-4252-b2b2-c91df6ee2736")  # looked up too
LOOKED_UP = {
    730: ("7acac7dc-e920-4161-a355-f4bda05b4eb3", "2cda1299-1119-4a4f-88a1-25ffd3074672"),
    843: ("e52f8328-619a-437e-b7e8-0da719ffb229", "567bbaa4-b8e6-47e2-97b1-754282e4c725"),
}


class Replay:
    """Sends the recorded calls and learns which uuid of ours stands for which recorded one."""

    def __init__(self, url: str, settings: SandboxSettings, world: World) -> None:
        self._url = url
        self._keys = {keys.name: keys for keys in settings.accounts}
        self._world = world
        self._ours: dict[str, str] = {}
        self._session = requests.Session()
        self._web = requests.Session()
        self._sessionkey = ""

    def differences(self) -> Iterator[str]:
        for number, line in enumerate(_recordings()):
            if _pending(line):
                continue  # how often a job was polled is chance
            self._prepare(number)
            status, body = self._send(number, line)
            for difference in self._compare(line, status, body):
                yield f"{number} {line['command']}: {difference}"

    def _prepare(self, number: int) -> None:
        """Do what was done outside of the recordings just before this call."""
        for name in EXPUNGED.get(number, ()):
            forget(self._world, self._world.find("virtualmachine", name=name)[0])
        if number == OFFERINGS_ADDED:
            add_custom_offering(self._world)
            add_service_offering(self._world, "n1-standard-2", "2 vCPU, 7.5 GB", 2, 2000, 7680)
        if number in (TEMPLATES_FAIL.start, TEMPLATES_FAIL.stop):
            text = "Failed to create TemplateNo remote endpoint to send command, check if host or ssvm is down?"
            self._switch("POST" if number in TEMPLATES_FAIL else "DELETE", text)
        if number == FREE_ADDRESS[0]:
            self._ours[FREE_ADDRESS[1]] = self._world.find("publicip", state="Free")[0]["id"]
        if number in LOOKED_UP:
            volume, machine = LOOKED_UP[number]
            root = self._world.first("volume", virtualmachineid=self._ours.get(machine), type="ROOT")
            self._ours[volume] = root["id"] if root else volume

    def _switch(self, method: str, text: str) -> None:
        fault = {"command": "createTemplate", "kind": "job_failed", "errortext": text}
        url = self._url.replace("/client/api", "/faults")
        self._session.request(method, url, json=fault, timeout=30).raise_for_status()

    def _send(self, number: int, line: dict[str, Any]) -> tuple[int, Any]:
        params = {name: UUID.sub(self._our, value) for name, value in line["params"].items()}
        if number in SESSION or line["command"] == "login":
            return self._in_session(number, line["command"], params)
        status, body = self._signed(number, line["command"], params)
        while line["command"] == "queryAsyncJobResult" and _status(body) == 0:
            status, body = self._signed(number, line["command"], params)
        return status, body

    def _our(self, match: re.Match[str]) -> str:
        return self._ours.get(match[0], match[0])

    def _signed(self, number: int, command: str, params: dict[str, str]) -> tuple[int, Any]:
        keys = self._keys["bob" if number in BOB[0] or number >= BOB[1] else "alice"]
        sent = {"command": command, "response": "json", **params, "apikey": keys.api_key}
        sent["signature"] = "wrong" if number in UNSIGNED else sign(sent, keys.secret_key)
        return _answer(self._session.post(self._url, data=sent, timeout=30))

    def _in_session(self, number: int, command: str, params: dict[str, str]) -> tuple[int, Any]:
        sent = {"command": command, "response": "json", **params}
        if number == 624:
            return _answer(self._web.get(self._url, params=sent, timeout=30))
        if params.get("username") == "bob":
            sent["password"] = self._keys["bob"].password
        if number in (769, 770):
            sent["sessionkey"] = self._sessionkey if number == 769 else "wrong"
        status, body = _answer(self._web.post(self._url, data=sent, timeout=30))
        if isinstance(body, dict):
            self._sessionkey = body.get("loginresponse", {}).get("sessionkey", self._sessionkey)
        return status, body

    def _compare(self, line: dict[str, Any], status: int, body: Any) -> Iterator[str]:
        if status != line["status"]:
            yield f"status {line['status']}, ours {status}"
            return
        yield from self._shape("", line["body"], body)

    def _shape(self, path: str, theirs: Any, ours: Any) -> Iterator[str]:
        if _kind(theirs) != _kind(ours):
            yield f"{path} is {_kind(theirs)}, ours {_kind(ours)}"
        elif isinstance(theirs, dict) and not path.endswith(FREE):
            yield from self._map(path, theirs, ours)
        elif isinstance(theirs, list) and not path.endswith(FREE):
            yield from self._list(path, theirs, ours)
        elif isinstance(theirs, str) and UUID.fullmatch(theirs) and UUID.fullmatch(ours):
            self._ours.setdefault(theirs, ours)
        elif path.endswith(("errorcode", ".jobresultcode", ".jobstatus", ".state")) and theirs != ours:
            yield f"{path} {theirs}, ours {ours}"

    def _map(self, path: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
        lacking, more = theirs.keys() - ours.keys() - CHANCE, ours.keys() - theirs.keys() - CHANCE
        if lacking:
            yield f"{path} lacks {', '.join(sorted(lacking))}"
        if more:
            yield f"{path} has more: {', '.join(sorted(more))}"
        for name in (name for name in theirs if name in ours):
            yield from self._shape(f"{path}.{name}", theirs[name], ours[name])

    def _list(self, path: str, theirs: list[Any], ours: list[Any]) -> Iterator[str]:
        if len(theirs) != len(ours):
            yield f"{path} has {len(theirs)} entries, ours {len(ours)}"
        for their, our in _pairs(theirs, ours):
            yield from self._shape(f"{path}[]", their, our)


def _pairs(theirs: list[Any], ours: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Pair the entries of two lists: by name where they have unique ones, else by place."""
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in theirs]
    if None in names or len(set(names)) < len(names):
        return zip(theirs, ours, strict=False)
    known = {entry.get("name"): entry for entry in ours if isinstance(entry, dict)}
    if not set(names) <= known.keys():
        return zip(theirs, ours, strict=False)
    return ((entry, known[entry["name"]]) for entry in theirs)


def _kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


def _status(body: Any) -> Any:
    return body["queryasyncjobresultresponse"].get("jobstatus")


def _pending(line: dict[str, Any]) -> bool:
    return line["command"] == "queryAsyncJobResult" and bool(_status(line["body"]) == 0)


def _answer(answer: requests.Response) -> tuple[int, Any]:
    try:
        return answer.status_code, answer.json()
    except requests.JSONDecodeError:
        return answer.status_code, answer.text


def _recordings() -> list[dict[str, Any]]:
    lines = gzip.decompress((HERE / "recordings.jsonl.gz").read_bytes()).splitlines()
    return [msgspec.json.decode(line) for line in lines]


def _differences() -> list[str]:
    accounts = (new_account("alice"), new_account("bob"))
    settings = SandboxSettings(accounts=accounts, zones=ZONES, job_delay=0, plain_seed=True)
    with running(settings) as server:
        return list(dict.fromkeys(Replay(server.url, settings, server.sandbox.world).differences()))


def test_answers_have_the_shape_of_the_recorded_ones() -> None:
    """Every recorded call gets the recorded status, error codes and keys, but for the listed differences."""
    listed = set((HERE / "differences.txt").read_text().splitlines())
    found = set(_differences())
    new, gone = sorted(found - listed), sorted(listed - found)
    assert not new, "differs from the recordings and is not listed:\n" + "\n".join(new)
    assert not gone, "no longer differs; remove from differences.txt:\n" + "\n".join(gone)


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in _differences()))
