"""gstack-configure: asks which CloudStack to use, checks that one answers there, and writes the profile.

Every answer is also an option, so that scripts need no terminal; earlier answers are the defaults. Given a key pair, it
looks at the zones and proposes GCE names for those whose own name Google's clients cannot take apart.
"""

import asyncio
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import rich_click as click

from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.errors import Refusal
from gstack.cloudstack.signing import KeyPair
from gstack.config import SettingsError, home, read_profile
from gstack.errors import Problem
from gstack.resources.locations import Zone, propose
from gstack.tls import write_private


class Answers(msgspec.Struct, frozen=True):
    """What is asked, with the defaults of the first gstack."""

    bind: str = "localhost"
    port: int = 5000
    host: str = "localhost"
    cloudstack_port: int = 8080
    protocol: str = "http"
    path: str = "/client/api"

    @property
    def endpoint(self) -> str:
        """CloudStack's API URL."""
        return f"{self.protocol}://{self.host}:{self.cloudstack_port}/{self.path.lstrip('/')}"


def earlier(profile: Mapping[str, Any]) -> Answers:
    """The answers that a profile was made from."""
    server, endpoint = profile.get("server", {}), urlsplit(profile.get("cloudstack", {}).get("endpoint", ""))
    known = {
        "bind": server.get("bind"),
        "port": server.get("port"),
        "host": endpoint.hostname,
        "cloudstack_port": endpoint.port or {"http": 80, "https": 443}.get(endpoint.scheme),
        "protocol": endpoint.scheme or None,
        "path": endpoint.path or None,
    }
    return Answers(**{name: value for name, value in known.items() if value is not None})


@click.command("configure", help="Ask which CloudStack to use, check it, and write the profile.")
@click.option("-p", "--profile", default="initial", show_default=True, help="Name of the profile.")
@click.option("--bind", help="Address that gstack listens on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port that gstack listens on.")
@click.option("--host", help="CloudStack's host.")
@click.option("--cloudstack-port", type=click.IntRange(1, 65535), help="CloudStack's port.")
@click.option("--protocol", type=click.Choice(["http", "https"]), help="CloudStack's protocol.")
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
    known = _read(folder, profile)
    answers = _ask(earlier(known), options, ask=not options["yes"] and sys.stdin.isatty())
    keys = KeyPair(api_key, secret_key) if api_key and secret_key else None
    zones = asyncio.run(_look(answers, options["ca_file"], keys, force=options["force"]))
    names = _zone_names(known.get("names", {}).get("zones", {}), zones, options["zone_name"])
    write(folder, profile, _merged(known, answers, options["ca_file"], names))
    click.echo(f"Wrote profile {profile!r} to {folder / 'gstack.toml'}. Start with: gstack serve -p {profile}")


def _read(folder: Path, profile: str) -> dict[str, Any]:
    try:
        return read_profile(folder, profile)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


_QUESTIONS = {
    "bind": "gstack bind address",
    "port": "gstack bind port",
    "host": "CloudStack host",
    "cloudstack_port": "CloudStack port",
    "protocol": "CloudStack protocol",
    "path": "CloudStack path",
}


def _ask(known: Answers, options: Mapping[str, Any], *, ask: bool) -> Answers:
    given = {name: options[name] for name in _QUESTIONS if options[name] is not None}
    for name, question in _QUESTIONS.items():
        if ask and name not in given:
            default = getattr(known, name)
            given[name] = click.prompt(question, default=default, type=type(default))
    return msgspec.structs.replace(known, **given)


async def _look(answers: Answers, ca_file: str | None, keys: KeyPair | None, *, force: bool) -> dict[str, str]:
    """Check that a CloudStack answers; with keys, return its zones' names and the GCE names they would get."""
    async with CloudStack(answers.endpoint, ca_file=ca_file or "", timeout=10) as cloudstack:
        try:
            await _answers(cloudstack)
            if keys is None:
                return {}
            return propose(await cloudstack.client(keys).list_all("listZones", Zone))
        except Problem as problem:
            if force and keys is None:
                click.echo(f"Warning: {problem.internal or problem.message}", err=True)
                return {}
            raise click.ClickException(_advice(answers, problem)) from problem


async def _answers(cloudstack: CloudStack) -> None:
    """Send a call with keys of nobody: a CloudStack refuses it with 401, everything else is none."""
    try:
        await cloudstack.client(KeyPair("nobody", "nobody")).send("listCapabilities")
    except Refusal as refusal:
        if refusal.error_code != 401:  # noqa: PLR2004  # CloudStack's code for unknown keys
            raise


def _advice(answers: Answers, problem: Problem) -> str:
    if isinstance(problem, Refusal):
        return f"CloudStack at {answers.endpoint} does not accept these keys: {problem.error_text}"
    return (
        f"No CloudStack answers at {answers.endpoint} ({problem.internal or problem.message}).\n"
        "Check host, port, protocol and path; --force writes the profile anyway."
    )


def _zone_names(known: Mapping[str, str], zones: Mapping[str, str], options: tuple[str, ...]) -> dict[str, str]:
    names = dict(known)
    for name, proposal in zones.items():
        if name not in names and name != proposal:
            names[name] = proposal
            click.echo(f"Zone {name!r} gets the GCE name {proposal!r}. Another: --zone-name '{name}=<region>-<letter>'")
    for option in options:
        name, separator, gce = option.partition("=")
        if not separator or (zones and name not in zones):
            raise click.ClickException(f"--zone-name {option}: expected CLOUDSTACK=GCE, zones are {sorted(zones)}")
        names[name] = gce
    return names


def _merged(
    known: Mapping[str, Any], answers: Answers, ca_file: str | None, zones: Mapping[str, str]
) -> dict[str, Any]:
    cloudstack = {**known.get("cloudstack", {}), "endpoint": answers.endpoint}
    if ca_file:
        cloudstack["ca_file"] = ca_file
    return {
        **known,
        "server": {**known.get("server", {}), "bind": answers.bind, "port": answers.port},
        "cloudstack": cloudstack,
        "names": {**known.get("names", {}), "zones": dict(zones)},
    }


def write(folder: Path, profile: str, table: Mapping[str, Any]) -> None:
    """Write one profile into `gstack.toml`; the other profiles stay as they are."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "gstack.toml"
    profiles = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    profiles[profile] = dict(table)
    write_private(path, msgspec.toml.encode(profiles))


def main() -> None:
    """The command `gstack-configure`."""
    command(prog_name="gstack-configure")
