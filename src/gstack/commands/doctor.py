"""`gstack doctor`: say what is wrong with this server and its CloudStack, and what to do.

Each check returns findings. It only looks, and changes nothing.
"""

import asyncio
import email.utils
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
from cryptography import x509

from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.errors import Refusal
from gstack.cloudstack.signing import KeyPair
from gstack.commands.shell import api_key, in_force, profile, secret_key
from gstack.config import Settings
from gstack.errors import ApiError
from gstack.resources.inventory.zones import locations

_SKEW = 60  # seconds that tokens and signatures tolerate
_SOON = timedelta(days=30)


class Finding(msgspec.Struct, frozen=True):
    """One line of the report. `advice` is empty where all is well."""

    subject: str
    text: str
    advice: str = ""


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


def examine(settings: Settings, url: str, keys: KeyPair | None) -> Iterable[Finding]:
    """Look at everything, nearest first. `url` is the server's own; `keys` let it look into CloudStack."""
    yield _home(settings)
    yield _certificate(settings)
    yield _server(settings, url)
    yield from asyncio.run(_cloudstack(settings, keys))


def _home(settings: Settings) -> Finding:
    folder = settings.home
    if not folder.exists():
        return Finding("state", f"{folder} does not exist yet", "Start the server once: gstack serve")
    if folder.stat().st_mode & 0o077:
        return Finding("state", f"{folder} can be read by others", f"chmod 700 {folder}")
    return Finding("state", f"{folder} is private")


def _certificate(settings: Settings) -> Finding:
    if settings.server.insecure_http:
        return Finding("TLS", "none: plain HTTP, as --insecure-http says")
    path = Path(settings.server.cert or settings.home / "tls" / "server.pem")
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        return Finding("TLS", f"{path}: {error}", "Start the server once, or check --cert")
    end = certificate.not_valid_after_utc
    if end < datetime.now(UTC) + _SOON:
        advice = "Renew it" if settings.server.cert else "Restart the server: it renews its own"
        return Finding("TLS", f"the certificate ends on {end:%Y-%m-%d}", advice)
    return Finding("TLS", f"the certificate is good until {end:%Y-%m-%d}")


def _server(settings: Settings, url: str) -> Finding:
    if settings.server.insecure_http and not settings.server.public_url:
        url = url.replace("https://", "http://", 1)  # the proxy's URL is not known: ask the server itself
    context = ssl.create_default_context()
    try:
        _trust(context, settings)
        https = urllib.request.HTTPSHandler(context=context)
        with urllib.request.build_opener(urllib.request.ProxyHandler({}), https).open(f"{url}/healthz", timeout=5):
            return Finding("server", f"answers at {url}")
    except urllib.error.HTTPError as error:
        return Finding("server", f"{url} answers {error.code}", "Something else listens there? Choose another --port")
    except OSError as error:
        if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
            advice = "Set server.public_url to a name that the certificate has, or check --cert"
            return Finding("server", f"the certificate at {url} is not good: {error}", advice)
        return Finding("server", f"does not answer at {url}: {error}", "Start it: gstack serve")


def _trust(context: ssl.SSLContext, settings: Settings) -> None:
    """Beside the system's authorities trust our own, and the operator's certificate, whoever issued it."""
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for path in (settings.home / "tls" / "ca.pem", Path(settings.server.cert)):
        if path.is_file():
            context.load_verify_locations(path)


async def _cloudstack(settings: Settings, keys: KeyPair | None) -> list[Finding]:
    endpoint = settings.cloudstack.endpoint
    if not endpoint:
        return [Finding("CloudStack", "the built-in sandbox, which starts with the server")]
    ca_file = settings.cloudstack.ca_file
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        return [Finding("reachability", f"cloudstack.ca_file {ca_file}: {error}", "Name a PEM file that can be read")]
    findings = [await asyncio.to_thread(_clock, endpoint, context)]
    async with CloudStack(endpoint, ca_file=ca_file, timeout=settings.cloudstack.timeout) as cloudstack:
        findings.append(await _keys(cloudstack, keys))
        if keys and not findings[-1].advice:
            findings.append(await _zones(cloudstack, keys, settings))
    return findings


def _clock(endpoint: str, context: ssl.SSLContext) -> Finding:
    """Compare our clock with CloudStack's: a signature is only good for minutes."""
    try:
        with urllib.request.urlopen(endpoint, timeout=10, context=context) as answer:  # noqa: S310  # the operator's own URL
            date = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date", "")
    except OSError as error:
        return Finding("reachability", f"{endpoint}: {error}", "Check the endpoint: gstack configure")
    if not date:
        return Finding("reachability", f"{endpoint} answers")
    skew = time.time() - email.utils.parsedate_to_datetime(date).timestamp()
    if abs(skew) > _SKEW:
        return Finding("clock", f"this machine is {skew:+.0f} s off CloudStack's clock", "Set both by NTP")
    return Finding("clock", "agrees with CloudStack's")


async def _keys(cloudstack: CloudStack, keys: KeyPair | None) -> Finding:
    try:
        await cloudstack.client(keys or KeyPair("nobody", "nobody")).send("listCapabilities")
    except Refusal as refusal:
        if keys is None and refusal.error_code == 401:  # noqa: PLR2004  # CloudStack's code for unknown keys
            return Finding("keys", "none given: set CLOUDSTACK_KEY and CLOUDSTACK_SECRET to check them")
        return Finding("keys", f"CloudStack refuses them: {refusal.error_text}", "Make new keys in CloudStack")
    except ApiError as problem:
        advice = "Is this CloudStack's API? Check: gstack configure"
        return Finding("reachability", problem.internal or problem.message, advice)
    return Finding("keys", "are accepted")


async def _zones(cloudstack: CloudStack, keys: KeyPair, settings: Settings) -> Finding:
    try:
        found = await locations(cloudstack.client(keys), settings.names)
    except ApiError as problem:
        return Finding("zones", problem.message, "Map zone names: gstack configure --zone-name")
    if not found.all:
        return Finding("zones", "this account sees none", "Ask the cloud's administrator")
    return Finding("zones", ", ".join(f"{place.zone} (region {place.region})" for place in found.all))
