"""`gstack rotate-key`: make a new sealing key and seal everything again, while servers run.

The new key is first put in front of the old one in the key file, which servers read again when it changes. Then every
secret is sealed again. Once a pass finds nothing left, the old key is taken out of the file. A run that was stopped is
finished by the next one: a file with several keys is a change under way. Replicas that have files or variables of
their own must get the new key before secrets are sealed with it.
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

PAUSE = 2.0  # seconds between two passes, in which a secret that was sealed with the old key gets written
_PASSES = 30


class RotationError(Exception):
    """The key cannot be changed now. The text says why and what to do."""


async def rotate(settings: Settings, environment: Mapping[str, str] = os.environ, pause: float = PAUSE) -> str:
    """Change the sealing key, or finish a change; return what was done and what the operator must still do.

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
    """Seal again with the keys of the variable, which the operator changes before and after."""
    keys = split_keys(text)
    if len(keys) < 2:  # noqa: PLR2004  # the new one and the old one
        raise RotationError(
            f"{VARIABLE} holds one key. Put a new one in front of it on every server, e.g.\n"
            f"  {VARIABLE}='{Fernet.generate_key().decode()},<the key of now>'\n"
            "start the servers with it one by one, and run this again."
        )
    outcome = await _all(engine, Seal(keys), pause)
    return f"{_in_words(outcome)} Now {VARIABLE} needs its first key alone, on every server."


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
    return f"{_in_words(outcome)} The old key is gone from {path}; backups from before still need it."


def _keys(path: Path) -> list[str]:
    load_seal(path.parent, {})  # makes a missing file, and refuses one without a key
    return split_keys(path.read_text())


async def _check(engine: AsyncEngine, seal: Seal) -> None:
    """Refuse keys that open nothing: they belong to another database."""
    found = await reseal(engine, seal, dry=True)
    if found.seen and found.unreadable == found.seen:
        raise RotationError(f"None of the {found.seen} secrets in the database opens with the key at hand.")


async def _all(engine: AsyncEngine, seal: Seal, pause: float) -> Outcome:
    """Seal again, pass after pass, until one finds nothing that an older key sealed."""
    whole = await reseal(engine, seal)
    for _ in range(_PASSES):
        await asyncio.sleep(pause)
        outcome = await reseal(engine, seal)
        whole = Outcome(outcome.seen, whole.changed + outcome.changed, outcome.unreadable)
        if not outcome.changed:
            return whole
    raise RotationError("Servers still seal with the old key. Restart them with the new one and run this again.")


def _in_words(outcome: Outcome) -> str:
    text = f"{outcome.changed} of {outcome.seen} secrets were sealed again."
    return f"{text} {outcome.unreadable} open with no key at hand and stay as they are." if outcome.unreadable else text


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the lock of rotate-key: one change at a time."""
    with (home / "rotate-key.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RotationError("Another rotate-key is at work on this home.") from error
        yield


@click.command("rotate-key", help="Replace the key that seals CloudStack secrets, while servers run.")
@profile
def command(profile: str) -> None:
    """Print what was done and what the operator must still do."""
    settings = in_force(profile).settings
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        outcome = run(rotate(settings))
    except RotationError as error:
        raise click.ClickException(str(error)) from error
    Audit(settings.server.audit_log, settings.home, sys.stderr).write("key", what="sealing key rotated", result=outcome)
    click.echo(outcome)
