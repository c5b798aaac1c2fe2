"""gstack.auth.keys.sealing: secrets at rest, and their key."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from gstack.auth.keys.sealing import FILE, VARIABLE, Seal, WrongKeyError, keep_once, load_seal


def test_a_sealed_text_opens_and_does_not_show(tmp_path: Path) -> None:
    """What was sealed comes back, and does not stand in what is stored."""
    seal = load_seal(tmp_path, {})
    sealed = seal.seal("secret")
    assert b"secret" not in sealed
    assert load_seal(tmp_path, {}).open(sealed) == "secret"


def test_the_key_file_is_private(tmp_path: Path) -> None:
    """The key file is made with mode 0600, in a folder with mode 0700."""
    load_seal(tmp_path / "home", {})
    assert (tmp_path / "home" / FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_the_variable_wins_and_leaves_no_file(tmp_path: Path) -> None:
    """With GSTACK_SECRET_KEY nothing is written."""
    key = Fernet.generate_key().decode()
    sealed = load_seal(tmp_path, {VARIABLE: key}).seal("secret")
    assert Seal([key]).open(sealed) == "secret"
    assert not list(tmp_path.iterdir())


def test_keys_are_replaced_by_a_new_one_in_front(tmp_path: Path) -> None:
    """The first key seals, all open; what was sealed again opens without the old key."""
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    sealed = Seal([old]).seal("secret")
    both = load_seal(tmp_path, {VARIABLE: f"{new}, {old}"})
    assert both.open(sealed) == "secret"
    assert Seal([new]).open(both.seal_again(sealed)) == "secret"


@pytest.mark.parametrize("key", ["short", "x" * 44, ","])
def test_what_is_no_key_is_refused(tmp_path: Path, key: str) -> None:
    """A key that is none is refused with the way to make one."""
    with pytest.raises(WrongKeyError, match="openssl"):
        load_seal(tmp_path, {VARIABLE: key})


def test_another_key_opens_nothing() -> None:
    """A wrong key, or a changed text, says so."""
    one, other = (Seal([Fernet.generate_key().decode()]) for _ in range(2))
    sealed = one.seal("secret")
    with pytest.raises(WrongKeyError):
        other.open(sealed)
    with pytest.raises(WrongKeyError):
        one.open(sealed[:-4] + b"AAA=")


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    """Of many that make the file at once, all read the same content, and no draft is left."""
    with ThreadPoolExecutor(16) as pool:
        read = list(pool.map(lambda number: keep_once(tmp_path / "key", lambda: b"%d" % number), range(64)))
    assert len(set(read)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
