"""`gstack doctor`: say what is wrong with this server and its CloudStack, and what to do.

Each check returns findings. It only looks, and changes nothing.
"""

import asyncio
import email.utils
import json
import re
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path

import click
import msgspec
from cryptography import x509

from gstack import tls
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.errors import Refusal
from gstack.cloudstack.signing import KeyPair
from gstack.commands.shell import api_key, in_force, profile, secret_key
from gstack.config import Settings
from gstack.errors import ApiError
from gstack.resources.inventory.zones import locations

_SKEW = 60  # seconds by which clocks may differ: tokens and signatures tolerate no more
_SOON = timedelta(days=30)
_LONGEST = 65_536  # bytes that are read of an answer
_ENDPOINT = "Check the endpoint: gstack configure"
_FAULT = "Look into the log of its management server. The keys were not refused"
_OTHER = "Something else listens there. Choose another --port"
_UNKNOWN_KEYS = 401  # CloudStack's code for a wrong signature or a key that nobody has


class Finding(msgspec.Struct, frozen=True):
    """One line of the report. `advice` is empty where nothing is wrong."""

    subject: str
    text: str
    advice: str = ""


@click.command("doctor", help="Say what is wrong with this server and its CloudStack, and what to do.")
@profile
@api_key
@secret_key
def command(profile: str, api_key: str | None, secret_key: str | None) -> None:
    """Print each finding at once. The exit code is 1 where something is wrong."""
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
    """Check everything, nearest first. `url` is the server's own. CloudStack's zones are read with `keys`."""
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
    path = Path(settings.server.cert or tls.server_files(settings.home, settings.profile)[0])
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        return Finding("TLS", f"{path}: {error}", "Start the server once, or check --cert")
    end, now = certificate.not_valid_after_utc, datetime.now(UTC)
    if end < now + _SOON:
        advice = "Renew it and restart the server" if settings.server.cert else "Restart the server: it renews its own"
        return Finding("TLS", f"the certificate {'expired' if end < now else 'ends'} on {end:%Y-%m-%d}", advice)
    return Finding("TLS", f"the certificate is good until {end:%Y-%m-%d}")


def _server(settings: Settings, url: str) -> Finding:
    if settings.server.insecure_http and not settings.server.public_url:
        url = url.replace("https://", "http://", 1)  # the URL of the proxy is not known, so ask the server itself
    context = ssl.create_default_context()
    try:
        _trust(context, settings)
        https = urllib.request.HTTPSHandler(context=context)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
        with opener.open(f"{url}/healthz", timeout=5) as answer:
            if json.loads(answer.read(_LONGEST)).get("status") == "ok":
                return Finding("server", f"answers at {url}")
        return Finding("server", f"{url} is not gstack", _OTHER)
    except urllib.error.HTTPError as error:
        return Finding("server", f"{url} answers {error.code}", _OTHER)
    except (HTTPException, ValueError, AttributeError):  # an answer that is not HTTP, not JSON or not an object
        return Finding("server", f"{url} is not gstack", _OTHER)
    except OSError as error:
        if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
            advice = "Set server.public_url to a name that the certificate has, or check --cert"
            return Finding("server", f"the certificate at {url} is not good: {error}", advice)
        return Finding("server", f"does not answer at {url}: {error}", "Start it: gstack serve")


def _trust(context: ssl.SSLContext, settings: Settings) -> None:
    """Trust the system's authorities, our own, and the operator's certificate, whoever issued that."""
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
    clock = await asyncio.to_thread(_clock, endpoint, context)
    findings = [clock]
    if clock.subject == "reachability" and clock.advice:
        return findings
    async with CloudStack(endpoint, ca_file=ca_file, timeout=settings.cloudstack.timeout) as cloudstack:
        findings.append(await _keys(cloudstack, keys, clock))
        if keys and not findings[-1].advice:
            findings.append(await _zones(cloudstack, keys, settings))
    return findings


def _clock(endpoint: str, context: ssl.SSLContext) -> Finding:
    """Compare our clock with CloudStack's, which refuses signatures after some minutes."""
    https = urllib.request.HTTPSHandler(context=context)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)  # as the server, without a proxy
    try:
        with opener.open(endpoint, timeout=10) as answer:
            date = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date", "")
    except HTTPException as error:
        return Finding("reachability", f"{endpoint} does not speak HTTP: {type(error).__name__}", _ENDPOINT)
    except OSError as error:
        return Finding("reachability", f"{endpoint}: {error}", _ENDPOINT)
    try:
        skew = time.time() - email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:  # no date, or not one of HTTP
        return Finding("reachability", f"{endpoint} answers")
    if abs(skew) > _SKEW:
        return Finding(
            "clock",
            f"this machine is {skew:+.0f} s off CloudStack's clock",
            "Set both by NTP: CloudStack refuses requests of a wrong time as if the keys were wrong",
        )
    return Finding("clock", "agrees with CloudStack's")


async def _keys(cloudstack: CloudStack, keys: KeyPair | None, clock: Finding) -> Finding:
    """Send a request with the keys, or with keys of nobody, which a CloudStack refuses with 401."""
    try:
        await cloudstack.client(keys or KeyPair("nobody", "nobody")).send("listCapabilities")
    except Refusal as refusal:
        if refusal.error_code != _UNKNOWN_KEYS:
            return Finding("CloudStack", f"has a fault of its own: {refusal.error_code} {refusal.error_text}", _FAULT)
        if keys is None:
            return Finding("keys", "none given: set CLOUDSTACK_KEY and CLOUDSTACK_SECRET to check them")
        advice = "Set the clock first, see above" if clock.advice else "Make new keys in CloudStack"
        return Finding("keys", f"CloudStack refuses them: {refusal.error_text}", advice)
    except ApiError as problem:
        if re.search(r"HTTP 5\d\d", problem.internal):
            return Finding("CloudStack", f"has a fault of its own: {problem.internal}", _FAULT)
        return Finding("reachability", problem.internal or problem.message, f"Is this CloudStack's API? {_ENDPOINT}")
    return Finding("keys", "are accepted")


async def _zones(cloudstack: CloudStack, keys: KeyPair, settings: Settings) -> Finding:
    try:
        found = await locations(cloudstack.client(keys), settings.names)
    except ApiError as problem:
        return Finding("zones", problem.message, "Map zone names: gstack configure --zone-name")
    if not found.all:
        return Finding("zones", "this account sees none", "Ask the cloud's administrator")
    return Finding("zones", ", ".join(f"{place.zone} (region {place.region})" for place in found.all))
