"""`gstack rotate-key`: a new sealing key, and everything sealed again, while servers go on.

The new key goes in front of the key file first; servers read it when they need it. Then every secret is sealed again,
and once a pass finds nothing more, the old key leaves the file. Stopped at any point it goes on where it was: a file
with several keys is a change under way. Replicas with files or variables of their own are told the new key between.
"""

import asyncio
import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.audit import Audit
from gstack.auth.keys.sealing import FILE, VARIABLE, Outcome, Seal, load_seal, replace_keys, reseal, split_keys
from gstack.commands.shell import in_force, profile, run
from gstack.config import Settings
from gstack.db.engine import prepared

PAUSE = 2.0  # seconds between two passes: who sealed with the old key just before has written by then
_PASSES = 30


class RotationError(Exception):
    """The key cannot be changed now; the text says why and what to do."""


async def rotate(settings: Settings, environment: Mapping[str, str] = os.environ, pause: float = PAUSE) -> str:
    """Change the sealing key or go on with its change; return what was done and what is left to do.

    Raises RotationError where the operator must do something first.
    """
    engine = await prepared(settings.database_url)
    try:
        if environment.get(VARIABLE):
            return await _by_variable(engine, environment[VARIABLE], pause)
        with _alone(settings.home):
            return await _by_file(engine, settings.home / FILE, pause)
    finally:
        await engine.dispose()


async def _by_variable(engine: AsyncEngine, text: str, pause: float) -> str:
    """The operator changes the variable, before and after."""
    keys = split_keys(text)
    if len(keys) < 2:  # noqa: PLR2004  # the new one and the old one
        raise RotationError(
            f"{VARIABLE} holds one key. Put a new one in front of it on every server, e.g.\n"
            f"  {VARIABLE}='{Fernet.generate_key().decode()},<the key of now>'\n"
            "start the servers with it one by one, and run this again."
        )
    outcome = await _all(engine, Seal(keys), pause)
    return f"{_told(outcome)} Now {VARIABLE} needs its first key alone, on every server."


async def _by_file(engine: AsyncEngine, path: Path, pause: float) -> str:
    keys = _keys(path)
    await _check(engine, Seal(keys))
    if len(keys) == 1:
        keys.insert(0, Fernet.generate_key().decode())
        replace_keys(path, keys)
        if engine.dialect.name != "sqlite":
            return (
                f"A new key stands in front of {path}. Copy this file to every server that shares the database, "
                "and run this again: then everything is sealed again."
            )
    outcome = await _all(engine, Seal(keys), pause)
    replace_keys(path, keys[:1])
    return f"{_told(outcome)} The old key is gone from {path}; backups from before still need it."


def _keys(path: Path) -> list[str]:
    load_seal(path.parent, {})  # makes the file where it is missing, and refuses what is no key
    return split_keys(path.read_text())


async def _check(engine: AsyncEngine, seal: Seal) -> None:
    """Nothing begins with keys that are another database's."""
    found = await reseal(engine, seal, dry=True)
    if found.seen and found.unreadable == found.seen:
        raise RotationError(f"None of the {found.seen} secrets in the database opens with the key at hand.")


async def _all(engine: AsyncEngine, seal: Seal, pause: float) -> Outcome:
    """Pass after pass, until one finds nothing that an older key sealed."""
    whole = await reseal(engine, seal)
    for _ in range(_PASSES):
        await asyncio.sleep(pause)
        outcome = await reseal(engine, seal)
        whole = Outcome(outcome.seen, whole.changed + outcome.changed, outcome.unreadable)
        if not outcome.changed:
            return whole
    raise RotationError("Servers still seal with the old key. Restart them with the new one and run this again.")


def _told(outcome: Outcome) -> str:
    text = f"{outcome.changed} of {outcome.seen} secrets were sealed again."
    return f"{text} {outcome.unreadable} open with no key at hand and stay as they are." if outcome.unreadable else text


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One change at a time."""
    with (home / "rotate-key.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RotationError("Another rotate-key is at work on this home.") from error
        yield


@click.command("rotate-key", help="Replace the key that seals CloudStack secrets, while servers go on.")
@profile
def command(profile: str) -> None:
    """Say what was done and what is left to do."""
    settings = in_force(profile).settings
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        told = run(rotate(settings))
    except RotationError as error:
        raise click.ClickException(str(error)) from error
    Audit(settings.server.audit_log, settings.home, sys.stderr).write("key", what="sealing key rotated", result=told)
    click.echo(told)
