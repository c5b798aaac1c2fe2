"""Sealing: CloudStack secrets lie in the database only encrypted (Fernet: AES-128-CBC with HMAC-SHA256).

The key is `GSTACK_SECRET_KEY` or the file `secret.key` in GSTACK_HOME, which is made on first use with mode 0600.
Both hold one or more Fernet keys, separated by spaces, commas or lines: the first seals, all of them open. So a key
is replaced by putting a new one in front and sealing everything again (`gstack rotate-key`). A server that runs reads
the file again when it changed: before it seals, and when something does not open.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from gstack.errors import Problem

VARIABLE = "GSTACK_SECRET_KEY"
FILE = "secret.key"


class WrongKeyError(Problem):
    """500: the key at hand does not open what lies in the database, or is no key. The operator must act."""

    def __init__(self, message: str) -> None:
        super().__init__(500, "backendError", message, code="INTERNAL_ERROR", internal=message)


class Seal:
    """Seals and opens short texts. Its `repr` shows no key. `file`: where the keys are from, if it is to be watched."""

    def __init__(self, keys: list[str], file: Path | None = None) -> None:
        self._file = file
        self._seen = _state(file)
        self._use(keys)

    def _use(self, keys: list[str]) -> None:
        try:
            known = [Fernet(key) for key in keys]
            self._fernet, self._first = MultiFernet(known), known[0]
        except (ValueError, IndexError) as error:
            raise WrongKeyError(
                f"{VARIABLE} (or the file {FILE} in GSTACK_HOME) must hold 32 random bytes in url-safe base64. "
                "`openssl rand -base64 32 | tr '+/' '-_'` makes one."
            ) from error

    def _look(self) -> bool:
        """Take the keys of the file where it changed; False where it did not."""
        state = _state(self._file)
        if self._file is None or state == self._seen:
            return False
        self._use(split_keys(self._file.read_text()))
        self._seen = state
        return True

    def seal(self, text: str) -> bytes:
        """Encrypt with the first key."""
        self._look()
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Decrypt with whichever key fits."""
        try:
            return self._opened(sealed)
        except InvalidToken as error:
            raise WrongKeyError(f"The sealing key ({VARIABLE} or {FILE}) is not the one of this database.") from error

    def _opened(self, sealed: bytes) -> str:
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            if not self._look():
                raise
            return self._fernet.decrypt(sealed).decode()

    def is_current(self, sealed: bytes) -> bool:
        """True where the first key sealed it."""
        try:
            self._first.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def seal_again(self, sealed: bytes) -> bytes:
        """Open with any key and seal with the first: what a change of keys does to every row."""
        return self.seal(self.open(sealed))


def load_seal(home: Path, environment: Mapping[str, str] = os.environ) -> Seal:
    """Return the seal of this installation; its key file is made where neither it nor the variable exists."""
    if text := environment.get(VARIABLE, ""):
        return Seal(split_keys(text))
    path = home / FILE
    text = keep_once(path, lambda: Fernet.generate_key() + b"\n").decode("ascii", "replace")
    return Seal(split_keys(text), path)


def split_keys(text: str) -> list[str]:
    """The keys of the variable or file, the one that seals first."""
    return [key for key in re.split(r"[\s,]+", text) if key]


def _state(file: Path | None) -> tuple[int, int] | None:
    """What changes when the file is replaced."""
    if file is None:
        return None
    try:
        known = file.stat()
    except FileNotFoundError:
        return None
    return known.st_ino, known.st_mtime_ns


def replace_keys(path: Path, keys: list[str]) -> None:
    """Replace the key file; it holds the old keys or the new ones, whenever the machine stops."""
    draft = _draft(path, "\n".join([*keys, ""]).encode())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def keep_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what a private file (mode 0600) holds; make it where it is missing.

    It appears whole or not at all: of two processes that start together one wins, and both read its content.
    """
    if not path.exists():
        _create(path, make())
    return path.read_bytes()


def _create(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path, content)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _draft(path: Path, content: bytes) -> Path:
    """Write a private file beside another one, down to the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft
