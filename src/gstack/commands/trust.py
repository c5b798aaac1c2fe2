"""`gstack trust`: map tokens of other issuers, such as CI systems, to CloudStack key pairs.

The issuers are settings (docs/settings.md: trust). The mappings are in the database: every server follows a change at
once.
"""

from typing import Any

import click
import msgspec

from gstack.auth.oauth import trust
from gstack.auth.oauth.trust import IS, LIKE, Condition, TrustMapping
from gstack.cloudstack.signing import KeyPair
from gstack.commands.auth_database import open_auth
from gstack.commands.shell import in_force, profile, run, settings_of, show_columns
from gstack.config import Settings


@click.group("trust", help="Let tokens of CI systems and other OpenID Connect issuers stand for CloudStack key pairs.")
def command() -> None:
    """See the subcommands."""


@command.command("add", help="Map tokens of an issuer of the settings to a CloudStack key pair.")
@click.argument("issuer")
@profile
@click.option("--claim", "exact", multiple=True, metavar="NAME=VALUE", help="A claim with exactly this value.")
@click.option("--claim-like", "like", multiple=True, metavar="NAME=PATTERN", help="A claim; * stands for any text.")
@click.option("--api-key", envvar="CLOUDSTACK_KEY", required=True, help="CloudStack API key.")
@click.option("--secret-key", envvar="CLOUDSTACK_SECRET", help="CloudStack secret key (else it is asked for).")
@click.option("--project", default="", help="Project that the service account is named after.")
@click.option("--label", default="", help="A name for the mapping, shown in lists.")
def add_command(issuer: str, profile: str, exact: tuple[str, ...], like: tuple[str, ...], **options: Any) -> None:
    """Check the key pair with CloudStack and write the mapping."""
    conditions = tuple(_condition(text, IS) for text in exact) + tuple(_condition(text, LIKE) for text in like)
    secret = options["secret_key"] or click.prompt("CloudStack secret key", hide_input=True, err=True)
    pair = KeyPair(options["api_key"], secret)
    mapping = run(_add(_settings(profile), pair, issuer, conditions, options["project"], options["label"]))
    click.echo(f"{mapping.id}: tokens of {issuer} with {_shown(mapping)} are {mapping.email}.")


@command.command("list", help="List the mappings of this server, also removed ones.")
@profile
def list_command(profile: str) -> None:
    """Print a line for each mapping."""
    head = ("ID", "ISSUER", "TOKENS WITH", "ARE", "LABEL", "CREATED", "LAST USED", "REMOVED")
    show_columns([head, *(_row(mapping) for mapping in run(_all(_settings(profile))))])


def _row(mapping: TrustMapping) -> tuple[str, ...]:
    times = (mapping.created, mapping.last_used, mapping.revoked)
    shown = (moment.strftime("%Y-%m-%dT%H:%MZ") if moment else "-" for moment in times)
    return (mapping.id, mapping.issuer, _shown(mapping), mapping.email, mapping.label or "-", *shown)


@command.command("remove", help="Remove a mapping and its access tokens, at once on every server.")
@profile
@click.argument("mapping_id")
def remove_command(profile: str, mapping_id: str) -> None:
    """Remove it. An unknown mapping is an error."""
    if not run(_remove(_settings(profile), mapping_id)):
        raise click.ClickException(f"No such mapping: {mapping_id}. See: gstack trust list")


@command.command("file", help="Print Google's external-account file, for GOOGLE_APPLICATION_CREDENTIALS in a CI job.")
@click.argument("issuer")
@profile
@click.option("--source", required=True, help="File or URL where the job finds its token.")
def file_command(issuer: str, profile: str, source: str) -> None:
    """Print JSON without a secret."""
    settings = _settings(profile)
    if issuer not in settings.trust:
        raise click.ClickException(
            f"The settings have no table trust.{issuer}. Add it to gstack.toml: docs/settings.md says how."
        )
    file = trust.external_account(issuer, f"{settings.client_url}/v1/token", source)
    click.echo(msgspec.json.format(msgspec.json.encode(file), indent=2).decode())


async def _add(
    settings: Settings, pair: KeyPair, issuer: str, conditions: tuple[Condition, ...], project: str, label: str
) -> TrustMapping:
    async with open_auth(settings) as auth:
        return await trust.add(auth, pair, issuer, conditions, project=project, label=label)


async def _all(settings: Settings) -> list[TrustMapping]:
    async with open_auth(settings, reach=False) as auth:
        return await trust.list_mappings(auth.store.engine)


async def _remove(settings: Settings, mapping_id: str) -> bool:
    async with open_auth(settings, reach=False) as auth:
        return await trust.remove(auth, mapping_id)


def _condition(text: str, kind: str) -> Condition:
    claim, equals, value = text.partition("=")
    if not equals or not claim:
        raise click.UsageError(f"Write a claim as NAME=VALUE, not {text!r}.")
    return Condition(claim, kind, value)


def _shown(mapping: TrustMapping) -> str:
    return ", ".join(f"{one.claim} {'=' if one.kind == IS else '~'} {one.value}" for one in mapping.conditions)


def _settings(profile: str) -> Settings:
    """Return the settings of the running server, with the issuers that the file names now."""
    return msgspec.structs.replace(in_force(profile).settings, trust=settings_of(profile).trust)
