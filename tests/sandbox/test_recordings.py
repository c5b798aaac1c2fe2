"""What real CloudStacks answered, replayed against fresh sandboxes: status, error codes and the shape of answers.

Each recording in `recordings/` holds the calls of ordinary users in three zones, in the order in which they happened.
When an answer of the sandbox has another uuid in the same place than the recorded one, the two stand for the same
object from then on. What differs is listed in `recordings/differences-<version>.txt`, one line each. The list may
only shrink: the test fails for a difference that is not listed, and for a listed one that is gone.
To write the lists anew: `python tests/sandbox/test_recordings.py`.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gstack.sandbox.machines import forget
from gstack.sandbox.registry import COMMANDS
from gstack.sandbox.seed import add_custom_offering, add_service_offering
from gstack.sandbox.server import running
from gstack.sandbox.settings import SandboxSettings, ZoneSpec, new_account
from gstack.sandbox.signing import sign
from gstack.sandbox.world import World

HERE = Path(__file__).parent / "recordings"
ZONES = (
    ZoneSpec("Sandbox-simulator", "Basic", securitygroups=True),
    ZoneSpec("adv", "Advanced"),
    ZoneSpec("advsg", "Advanced", securitygroups=True),
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Maps whose keys are data, and lists whose length is a fact of that installation.
FREE = ("details", "readonlydetails", "downloaddetails", "keypermission", "uuidList")
# What a statistics thread fills in some time after a machine's start.
CHANCE = {
    *("cpuused", "memorykbs", "memoryintfreekbs", "memorytargetkbs", "networkkbsread", "networkkbswrite"),
    *("diskioread", "diskiowrite", "diskkbsread", "diskkbswrite"),
}


# Commands that the sandbox does not have: nothing of the product needs them.
UNPLAYED = frozenset(
    [
        "listCounters",
        "listAutoScaleVmGroups",
        "listAutoScaleVmProfiles",
        "listAutoScalePolicies",
        "listConditions",
        "createVMSnapshot",
        "listVMSnapshot",
        "revertToVMSnapshot",
        "deleteVMSnapshot",
        "listBackupOfferings",
        "listGpuDevices",
        "listCaCertificate",
        "createIpForwardingRule",
        "createRemoteAccessVpn",
        "listVirtualMachinesMetrics",
        "extractVolume",
        "createConsoleEndpoint",
        "listEventTypes",
        "listNetworkProtocols",
        "listDetailOptions",
        "listResourceDetails",
    ]
)


_KEY = ec.generate_private_key(ec.SECP256R1())
_PRIVATE_KEY = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
_CERTIFICATE = (
    x509.CertificateBuilder(_NAME, _NAME, _KEY.public_key(), 1)
    .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    .sign(_KEY, hashes.SHA256())
    .public_bytes(Encoding.PEM)
    .decode()
)


@dataclass(frozen=True)
class Recording:
    """One recorded cloud, and what happened there outside of its recorded calls. Calls go by their number."""

    version: str
    users: Sequence[tuple[int, str]]  # from which call on who calls
    single: Mapping[int, str] = field(default_factory=dict)  # calls of somebody else in between
    unsigned: Sequence[int] = ()
    session: Sequence[int] = ()  # calls with a session instead of a signature
    skipped: Sequence[str] = ()  # labels of what the sandbox does not do at all
    # Dead machines that the recorded cloud, which did not wait for a day, had expunged by then.
    expunged: Mapping[int, Sequence[str]] = field(default_factory=dict)
    offerings_added: int | None = None  # an administrator made two offerings just before
    templates_fail: range = range(0)  # no secondary storage yet: templates could not be made
    free_address: Mapping[int, str] = field(default_factory=dict)  # one was looked up outside of the recording
    roots: Mapping[int, tuple[str, str]] = field(default_factory=dict)  # root volume and machine, looked up too
    template: str | None = None  # the uuid of CloudStack's own template

    def lines(self) -> list[dict[str, Any]]:
        packed = (HERE / f"cloudstack-{self.version}.jsonl.gz").read_bytes()
        return [msgspec.json.decode(line) for line in gzip.decompress(packed).splitlines()]

    @property
    def differences(self) -> Path:
        return HERE / f"differences-{self.version}.txt"

    def user(self, number: int) -> str:
        if number in self.single:
            return self.single[number]
        return next(name for first, name in reversed(self.users) if first <= number)


RECORDINGS = (
    Recording(
        version="4.23",
        users=((0, "alice"), (767, "bob")),
        single=dict.fromkeys((125, 126, 127, 382, 383, 384, 616, 617), "bob"),
        unsigned=(0, 1),
        session=range(767, 776),
        expunged={394: ("iso-vm3",), 580: ("sandbox-simulator-sg1", "sandbox-simulator-vm2")},
        offerings_added=662,
        templates_fail=range(1, 625),
        free_address={907: "b18519eb-5dc9-4252-b2b2-c91df6ee2736"},
        roots={
            730: ("7acac7dc-e920-4161-a355-f4bda05b4eb3", "2cda1299-1119-4a4f-88a1-25ffd3074672"),
            843: ("e52f8328-619a-437e-b7e8-0da719ffb229", "567bbaa4-b8e6-47e2-97b1-754282e4c725"),
        },
    ),
    Recording(
        version="4.22",
        users=((0, "dave"), (711, "erin"), (974, "frank")),
        skipped=("autoscale", "site to site vpn"),
        offerings_added=0,
        roots={
            449: ("db340378-6658-4f8c-8e96-6699335c21bf", "35c10edd-c8f2-4351-b9e9-b32a55bde210"),
            1026: ("2b7ff75c-8fed-4fe0-b497-e838b0291fbe", "673dda5f-9cb4-44d4-86f7-777e7352c696"),
        },
        template="95fc4bc0-ea10-11f1-bb63-02fc00000001",
    ),
)


class Replay:
    """Sends the recorded calls and learns which uuid of ours stands for which recorded one."""

    def __init__(self, recording: Recording, url: str, settings: SandboxSettings, world: World) -> None:
        self._recording = recording
        self._url = url
        self._keys = {keys.name: keys for keys in settings.accounts}
        self._world = world
        self._ours: dict[str, str] = {}
        self._session = requests.Session()
        self._web = requests.Session()
        self._sessionkey = ""

    def differences(self) -> Iterator[str]:
        skipped_jobs: set[str] = set()
        for number, line in enumerate(self._recording.lines()):
            if _pending(line) or (line["label"] or "").startswith(tuple(self._recording.skipped)):
                continue  # how often a job was polled is chance
            if line["command"] in UNPLAYED or line["params"].get("jobid") in skipped_jobs:
                skipped_jobs.update(UUID.findall(str(line["body"])))
                continue
            self._prepare(number)
            status, body = self._send(number, line)
            for difference in self._compare(line, status, body):
                yield f"{number} {line['command']}: {difference}"

    def _prepare(self, number: int) -> None:
        """Do what was done outside of the recordings just before this call."""
        recording = self._recording
        for name in recording.expunged.get(number, ()):
            forget(self._world, self._world.find("virtualmachine", name=name)[0])
        if number == recording.offerings_added:
            add_custom_offering(self._world)
            add_service_offering(self._world, "n1-standard-2", "2 vCPU, 7.5 GB", 2, 2000, 7680)
        if number in (recording.templates_fail.start, recording.templates_fail.stop) and recording.templates_fail:
            text = "Failed to create TemplateNo remote endpoint to send command, check if host or ssvm is down?"
            self._switch("POST" if number in recording.templates_fail else "DELETE", text)
        if number in recording.free_address:
            self._ours[recording.free_address[number]] = self._world.find("publicip", state="Free")[0]["id"]
        if number in recording.roots:
            volume, machine = recording.roots[number]
            root = self._world.first("volume", virtualmachineid=self._ours.get(machine), type="ROOT")
            self._ours[volume] = root["id"] if root else volume
        if recording.template and not number:
            self._ours[recording.template] = self._world.all("template")[0]["id"]

    def _switch(self, method: str, text: str) -> None:
        fault = {"command": "createTemplate", "kind": "job_failed", "errortext": text}
        url = self._url.replace("/client/api", "/faults")
        self._session.request(method, url, json=fault, timeout=30).raise_for_status()

    def _send(self, number: int, line: dict[str, Any]) -> tuple[int, Any]:
        params = {name: UUID.sub(self._our, value) for name, value in line["params"].items()}
        if line["command"] == "uploadSslCert":
            key = _PRIVATE_KEY if line["status"] == HTTPStatus.OK else "not a key"
            params |= {"certificate": _CERTIFICATE, "privatekey": key}
        if number in self._recording.session or line["command"] == "login":
            return self._in_session(number, line["command"], params)
        status, body = self._signed(number, line["command"], params)
        while line["command"] == "queryAsyncJobResult" and _status(body) == 0:
            status, body = self._signed(number, line["command"], params)
        return status, body

    def _our(self, match: re.Match[str]) -> str:
        return self._ours.get(match[0], match[0])

    def _signed(self, number: int, command: str, params: dict[str, str]) -> tuple[int, Any]:
        keys = self._keys[self._recording.user(number)]
        sent = {"command": command, "response": "json", **params, "apikey": keys.api_key}
        sent["signature"] = "wrong" if number in self._recording.unsigned else sign(sent, keys.secret_key)
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
        if line["command"] in ("listAsyncJobs", "listEvents"):
            return  # which jobs are pending is chance, and the events of before a recording are not ours
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
        for their, our in _pairs(theirs, ours, self._ours):
            yield from self._shape(f"{path}[]", their, our)


def _pairs(theirs: list[Any], ours: list[Any], known_ids: Mapping[str, str]) -> Iterator[tuple[Any, Any]]:
    """Pair the entries of two lists: by their known ids, by name where they have unique ones, else by place.

    Where all entries are known, one that is on another page is not compared: lists have no order to rely on.
    """
    ids = [known_ids.get(entry.get("id", "")) if isinstance(entry, dict) else None for entry in theirs]
    if ids and None not in ids:
        here = {entry.get("id"): entry for entry in ours if isinstance(entry, dict)}
        return ((entry, here[ident]) for entry, ident in zip(theirs, ids, strict=True) if ident in here)
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


def _differences(recording: Recording) -> list[str]:
    names = dict.fromkeys([*(name for _, name in recording.users), *recording.single.values()])
    accounts = tuple(new_account(name) for name in names)
    settings = SandboxSettings(
        accounts=accounts,
        zones=ZONES,
        job_delay=0,
        plain_seed=True,
        cloudstack_version=recording.version,
    )
    with running(settings) as server:
        return list(dict.fromkeys(Replay(recording, server.url, settings, server.sandbox.world).differences()))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.version)
def test_answers_have_the_shape_of_the_recorded_ones(recording: Recording) -> None:
    """Every recorded call gets the recorded status, error codes and keys, but for the listed differences."""
    listed = set(recording.differences.read_text().splitlines())
    found = set(_differences(recording))
    new, gone = sorted(found - listed), sorted(listed - found)
    assert not new, "differs from the recordings and is not listed:\n" + "\n".join(new)
    assert not gone, f"no longer differs; remove from {recording.differences.name}:\n" + "\n".join(gone)


def test_commands_that_are_not_played_are_named() -> None:
    """A command that the sandbox has is replayed."""
    assert not {name for name in UNPLAYED if name in COMMANDS or name.lower() in COMMANDS}


if __name__ == "__main__":
    for each in RECORDINGS:
        each.differences.write_text("".join(f"{line}\n" for line in _differences(each)))
