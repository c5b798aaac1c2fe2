"""`gstack rotate-key`: a new key while everything goes on, and after every kind of interruption."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.keys.test_sealing import OLD, filled, secrets
from fixtures.gce import Gce
from fixtures.servers import Stack
from fixtures.shells import gstack
from gstack.auth.keys.sealing import FILE, VARIABLE, Seal, replace_keys, split_keys
from gstack.commands.rotate_key import RotationError, rotate
from gstack.config import Settings

__all__ = ["filled"]

ZONE = "sandbox-east1-a"


def settings(home: Path, database_url: str) -> Settings:
    return Settings(home=home, database=database_url)


def keys(home: Path) -> list[str]:
    return split_keys((home / FILE).read_text())


@contextmanager
def busy(product: Stack) -> Iterator[list[int]]:
    """Clients that ask with old tokens and get new ones, all the time; the statuses of their answers."""
    client, statuses, stopped = Gce(product), list[int](), threading.Event()

    def ask() -> None:
        while not stopped.wait(0.05):
            statuses.append(client.call("GET", f"zones/{ZONE}").status_code)
            product.token("other")
            statuses.append(Gce(product, "other").call("GET", "zones").status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        stopped.set()
        thread.join()


def test_rotation_while_serving(product: Stack) -> None:
    """Old tokens work on and new ones are given while the key changes; afterwards the file holds another key alone."""
    home = product.settings.home
    service = product.service_key()
    (before,) = keys(home)
    with busy(product) as statuses:
        told = gstack(product, "rotate-key")
        if product.settings.database:  # PostgreSQL: other servers may have files of their own, and are told between
            told = gstack(product, "rotate-key")
        threading.Event().wait(4)  # longer than the guard remembers: everything is read and opened again
    assert set(statuses) == {200}
    assert len(statuses) > 20
    assert "sealed again" in told
    (after,) = keys(home)
    assert after != before
    assert (home / FILE).stat().st_mode & 0o777 == 0o600
    assert product.service_key()["client_email"] == service["client_email"]
    assert "sealing key rotated" in (home / "audit.log").read_text()
    assert before not in (home / "audit.log").read_text()


def test_again_and_again(product: Stack) -> None:
    """A server that never restarts follows one change after another."""
    client = Gce(product)
    for _ in range(2):
        gstack(product, "rotate-key")
        product.token()
        assert client.call("GET", "zones").status_code == 200


async def test_an_interrupted_change_is_finished(filled: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    """Stopped after the new key was written, with some rows under each: the next run makes no third key and ends it."""
    new = Fernet.generate_key().decode()
    replace_keys(tmp_path / FILE, [new, OLD])
    await rotate(settings(tmp_path, database_url), {}, pause=0)
    assert keys(tmp_path) == [new]
    assert len(await secrets(filled, Seal([new]))) == 500


async def test_replicas_are_told_between(filled: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    """On PostgreSQL other servers may have files of their own: the first run only puts the new key in front."""
    replace_keys(tmp_path / FILE, [OLD])
    told = await rotate(settings(tmp_path, database_url), {}, pause=0)
    if "sqlite" not in database_url:
        assert "every server" in told
        assert keys(tmp_path)[1:] == [OLD]
        assert len(await secrets(filled, Seal([OLD]))) == 500
        await rotate(settings(tmp_path, database_url), {}, pause=0)
    assert len(await secrets(filled, Seal(keys(tmp_path)))) == 500
    assert len(keys(tmp_path)) == 1


async def test_keys_in_the_variable(filled: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    """One key there: it says what to do and shows a fresh one. Two: everything is sealed again; no file is made."""
    known = settings(tmp_path, database_url)
    with pytest.raises(RotationError, match=f"{VARIABLE}='[A-Za-z0-9_=-]{{44}},"):
        await rotate(known, {VARIABLE: OLD}, pause=0)
    new = Fernet.generate_key().decode()
    told = await rotate(known, {VARIABLE: f"{new},{OLD}"}, pause=0)
    assert "500 of 500" in told
    assert "first key alone" in told
    assert len(await secrets(filled, Seal([new]))) == 500
    assert not (tmp_path / FILE).exists()


async def test_a_key_of_another_database_changes_nothing(
    filled: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    """Where nothing opens, the file stays as it is."""
    replace_keys(tmp_path / FILE, [wrong := Fernet.generate_key().decode()])
    with pytest.raises(RotationError, match="None of the 500"):
        await rotate(settings(tmp_path, database_url), {}, pause=0)
    assert keys(tmp_path) == [wrong]


async def test_one_change_at_a_time(filled: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    """A second rotate-key meanwhile is refused."""
    replace_keys(tmp_path / FILE, [Fernet.generate_key().decode(), OLD])
    known = settings(tmp_path, database_url)
    answers = await asyncio.gather(*(rotate(known, {}, pause=0.5) for _ in range(2)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(RotationError) == 1
    assert json.dumps(keys(tmp_path))
