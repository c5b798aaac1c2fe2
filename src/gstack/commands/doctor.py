"""`gstack doctor`: say what is wrong with this server and its CloudStack, and what to do."""

import sys

import click

from gstack.cloudstack.signing import KeyPair
from gstack.commands.shell import api_key, in_force, profile, secret_key
from gstack.doctor import Finding, examine


@click.command("doctor", help="Say what is wrong with this server and its CloudStack, and what to do.")
@profile
@api_key
@secret_key
def command(profile: str, api_key: str | None, secret_key: str | None) -> None:
    """Print the findings as they are made; the exit code is 1 where something is wrong."""
    settings = in_force(profile).settings
    pair = KeyPair(api_key, secret_key) if api_key and secret_key else None
    wrong = False
    for finding in examine(settings, settings.client_url, pair):
        click.echo(_shown(finding))
        wrong |= bool(finding.advice)
    sys.exit(1 if wrong else 0)


def _shown(finding: Finding) -> str:
    line = f"{'✗' if finding.advice else '✓'} {finding.subject}: {finding.text}"
    return f"{line}\n    → {finding.advice}" if finding.advice else line
