"""`gstack configure`, which is `gstack-configure` too: ask for a CloudStack, check that it answers, write the profile.

Every answer is also an option, so scripts need no terminal. Earlier answers are the defaults; the first defaults are
those of the first gstack. Given a key pair, the command looks at CloudStack's zones and proposes GCE names for those
whose own names Google's clients cannot parse.
"""

import asyncio
import ipaddress
import os
import re
import socket
import ssl
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec
import tomli_w

from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.errors import Refusal
from gstack.cloudstack.signing import KeyPair
from gstack.config import SettingsError, check_profile, home, read_profile
from gstack.errors import ApiError
from gstack.resources.inventory.zones import Zone, is_fit, propose
from gstack.tls import write_private

_UNKNOWN_KEYS = 401  # CloudStack's code for a wrong signature or a key that nobody has
_HELLO_SECONDS = 5.0  # for a TLS handshake
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")


class Answers(msgspec.Struct, frozen=True):
    """All answers, with the defaults of the first gstack."""

    bind: str = "localhost"
    port: int = 5000
    host: str = "localhost"
    cloudstack_port: int = 8080
    protocol: str = "http"
    path: str = "/client/api"

    @property
    def endpoint(self) -> str:
        """CloudStack's API URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}://{host}:{self.cloudstack_port}{self.path}"


def earlier(profile: Mapping[str, Any]) -> Answers:
    """Return the answers that a profile was written from; defaults where it has none."""
    server, endpoint = profile.get("server", {}), urlsplit(profile.get("cloudstack", {}).get("endpoint", ""))
    found = {
        "bind": server.get("bind"),
        "port": server.get("port"),
        "host": endpoint.hostname,
        "cloudstack_port": endpoint.port or {"http": 80, "https": 443}.get(endpoint.scheme),
        "protocol": endpoint.scheme or None,
        "path": endpoint.path or None,
    }
    return Answers(**{name: value for name, value in found.items() if value is not None})


def bind_address(text: str) -> str:
    """Read a name or address of this machine. As all readers here, it raises ValueError with a text for the user."""
    try:
        found = socket.getaddrinfo(text, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], socket.SOCK_STREAM) as probe:
            probe.bind((found[4][0], 0))
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{text!r} is not an address of this machine; try localhost or 0.0.0.0") from error
    return text


def port(text: str) -> int:
    """Read a TCP port."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:  # noqa: PLR2004  # RFC 9293
        raise ValueError(f"{text!r} is not a port, which is a number from 1 to 65535")
    return int(text)


def host(text: str) -> str:
    """Read a host name or an address, without protocol, port or path."""
    bare = text.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    if not _HOST.fullmatch(bare):
        raise ValueError(f"{text!r} is not a host name or an address; protocol, port and path are separate answers")
    return bare


def protocol(text: str) -> str:
    """Read `http` or `https`."""
    if text not in {"http", "https"}:
        raise ValueError(f"{text!r} is neither http nor https")
    return text


def path(text: str) -> str:
    """Read the path of CloudStack's API."""
    if not _PATH.fullmatch(text):
        raise ValueError(f"{text!r} is not a path; the usual one is /client/api")
    return text


class Question(msgspec.Struct, frozen=True):
    """The text of a question, and the function that reads the answer."""

    text: str
    read: Callable[[str], str | int]


QUESTIONS: Mapping[str, Question] = {
    "bind": Question("gstack bind address", bind_address),
    "port": Question("gstack bind port", port),
    "host": Question("CloudStack host", host),
    "cloudstack_port": Question("CloudStack port", port),
    "protocol": Question("CloudStack protocol", protocol),
    "path": Question("CloudStack path", path),
}


def zone_names(zones: Mapping[str, str], chosen: tuple[str, ...], stored: Mapping[str, str]) -> dict[str, str]:
    """Return names.zones: names `chosen` as `CLOUDSTACK=GCE`, else earlier ones, else proposals for unfit names.

    `zones` maps CloudStack's zones to proposals; it is empty without a key pair. Raises ValueError for a name that
    Google's clients cannot parse, for a zone that does not exist, and for two zones in one region.
    """
    names = {name: proposal for name, proposal in zones.items() if name != proposal} | dict(stored)
    for option in chosen:
        name, separator, gce = option.partition("=")
        if not separator or (zones and name not in zones):
            raise ValueError(f"--zone-name {option}: write CLOUDSTACK=GCE, where CLOUDSTACK is one of {sorted(zones)}")
        names[name] = gce
    _check_zone_names({**{name: name for name in zones}, **names})
    return names


def _check_zone_names(names: Mapping[str, str]) -> None:
    regions: dict[str, str] = {}
    for name, gce in names.items():
        if not is_fit(gce):
            raise ValueError(f"zone {name!r}: {gce!r} is not a GCE zone name; write one like cs-east1-a, in lower case")
        region = gce.rpartition("-")[0]
        if region in regions:
            text = f"zones {regions[region]!r} and {name!r} would both be in the region {region!r}"
            raise ValueError(f"{text}; give each zone a region of its own")
        regions[region] = name


@click.command("configure", help="Ask which CloudStack to use, check it, and write the profile.")
@click.option("-p", "--profile", default="initial", show_default=True, help="Name of the profile.")
@click.option("--bind", help="Address that gstack listens on.")
@click.option("--port", help="Port that gstack listens on.")
@click.option("--host", help="CloudStack's host.")
@click.option("--cloudstack-port", help="CloudStack's port.")
@click.option("--protocol", help="CloudStack's protocol: http or https.")
@click.option("--path", help="Path of CloudStack's API.")
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="Authority of CloudStack's certificate.")
@click.option("--api-key", envvar="CLOUDSTACK_KEY", help="A CloudStack API key, to look at the zones.")
@click.option("--secret-key", envvar="CLOUDSTACK_SECRET", help="Its secret key. Neither is stored.")
@click.option("--zone-name", multiple=True, metavar="CLOUDSTACK=GCE", help="GCE name of a zone; may be repeated.")
@click.option("--yes", is_flag=True, help="Ask nothing: options, then earlier answers, then defaults.")
@click.option("--force", is_flag=True, help="Write the profile even where no CloudStack answers.")
def command(profile: str, api_key: str | None, secret_key: str | None, **options: Any) -> None:
    """Ask, check, write."""
    folder = home(os.environ)
    stored = _read(folder, profile)
    answers = _ask(earlier(stored), options, ask=not options["yes"])
    keys = KeyPair(api_key, secret_key) if api_key and secret_key else None
    zones = asyncio.run(_look(answers, options["ca_file"], keys, force=options["force"]))
    names = _zone_names(stored.get("names", {}).get("zones", {}), zones, options["zone_name"])
    write(folder, profile, _merged(stored, answers, options["ca_file"], names))
    click.echo(f"Wrote profile {profile!r} to {folder / 'gstack.toml'}. Start with: gstack serve -p {profile}")


def _read(folder: Path, profile: str) -> dict[str, Any]:
    try:
        check_profile(profile)
        return read_profile(folder, profile)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _ask(stored: Answers, options: Mapping[str, Any], *, ask: bool) -> Answers:
    """Take each answer from its option, else from the user, else from the earlier answers. All are checked alike."""
    given: dict[str, str | int] = {}
    for name, question in QUESTIONS.items():
        default: str | int = getattr(stored, name)
        if options[name] is not None:
            given[name] = _read_option(name, str(options[name]))
        elif ask and (answer := _prompted(name, question.text, default)) is not None:
            given[name] = answer
        else:
            ask = False
    return msgspec.structs.replace(stored, **given)


def _prompted(name: str, text: str, default: object) -> str | int | None:
    """Read an answer from the terminal or a pipe. None at the end of a pipe: then earlier answers stand."""
    try:
        return _reader(name)(str(click.prompt(text, default=default, value_proc=_reader(name))))
    except click.Abort:
        if sys.stdin.isatty():
            raise
        return None


def _read_option(name: str, text: str) -> str | int:
    try:
        return QUESTIONS[name].read(text)
    except ValueError as error:
        raise click.ClickException(f"--{name.replace('_', '-')}: {error}") from error


def _reader(name: str) -> Callable[[str], str | int]:
    """Return a reader for `click.prompt`, which repeats the question after a UsageError."""

    def read(text: str) -> str | int:
        try:
            return QUESTIONS[name].read(str(text))
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    return read


async def _look(answers: Answers, ca_file: str | None, keys: KeyPair | None, *, force: bool) -> dict[str, str]:
    """Check that a CloudStack answers. With keys, return its zones with the GCE names proposed for them."""
    async with CloudStack(answers.endpoint, ca_file=ca_file or "", timeout=10) as cloudstack:
        try:
            await _answers(cloudstack)
            click.echo(f"CloudStack answers at {answers.endpoint}.")
            if keys is None:
                return {}
            return propose(await cloudstack.client(keys).list_all("listZones", Zone))
        except ApiError as problem:
            if force:
                click.echo(f"Warning: {problem.internal or problem.message}", err=True)
                return {}
            raise click.ClickException(_advice(answers, problem) + await _other_protocol(answers)) from problem


async def _answers(cloudstack: CloudStack) -> None:
    """Send a request with keys of nobody. A CloudStack refuses it with 401; anything else is not a CloudStack."""
    try:
        await cloudstack.client(KeyPair("nobody", "nobody")).send("listCapabilities")
    except Refusal as refusal:
        if refusal.error_code != _UNKNOWN_KEYS:
            raise


def _advice(answers: Answers, problem: ApiError) -> str:
    if isinstance(problem, Refusal) and problem.error_code == _UNKNOWN_KEYS:
        return f"CloudStack at {answers.endpoint} does not accept these keys: {problem.error_text}"
    if isinstance(problem, Refusal):
        return (
            f"CloudStack at {answers.endpoint} has a fault of its own ({problem.error_code}): {problem.error_text}\n"
            "Look into the log of its management server; --force writes the profile anyway."
        )
    return (
        f"No CloudStack answers at {answers.endpoint} ({problem.internal or problem.message}).\n"
        "Check host, port, protocol and path; --force writes the profile anyway."
    )


async def _other_protocol(answers: Answers) -> str:
    """Return a hint where the port speaks https though the answer was http."""
    if answers.protocol != "http":
        return ""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the question is only whether this is TLS
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            _, writer = await asyncio.open_connection(answers.host, answers.cloudstack_port, ssl=context)
    except (OSError, TimeoutError):
        return ""
    writer.close()
    return "\nIt seems to speak https: try --protocol https."


def _zone_names(stored: Mapping[str, str], zones: Mapping[str, str], chosen: tuple[str, ...]) -> dict[str, str]:
    try:
        names = zone_names(zones, chosen, stored)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for name in sorted(names.keys() & zones.keys() - stored.keys()):
        click.echo(f"Zone {name!r} gets the GCE name {names[name]!r} (--zone-name changes it).")
    return names


def _merged(
    stored: Mapping[str, Any], answers: Answers, ca_file: str | None, zones: Mapping[str, str]
) -> dict[str, Any]:
    cloudstack = {**stored.get("cloudstack", {}), "endpoint": answers.endpoint}
    if ca_file:
        cloudstack["ca_file"] = ca_file
    return {
        **stored,
        "server": {**stored.get("server", {}), "bind": answers.bind, "port": answers.port},
        "cloudstack": cloudstack,
        "names": {**stored.get("names", {}), "zones": dict(zones)},
    }


def write(folder: Path, profile: str, table: Mapping[str, Any]) -> None:
    """Write one profile into `gstack.toml`. The other profiles stay as they are."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "gstack.toml"
    profiles = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    profiles[profile] = dict(table)
    write_private(path, tomli_w.dumps(profiles).encode())
