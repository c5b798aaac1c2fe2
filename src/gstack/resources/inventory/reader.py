"""Reader: whatever can look things up for a caller, such as a request."""

from typing import Protocol

from gstack.cloudstack.client import Client
from gstack.config import Settings
from gstack.db.sidecar import Sidecar


class Owned(Protocol):
    """Whose things the reader sees: an account, or a CloudStack project (`project` is its uuid)."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def project(self) -> str | None: ...


class Reader(Protocol):
    """Looks things up in CloudStack and in the sidecar, in the project of a URL."""

    @property
    def cloudstack(self) -> Client: ...
    @property
    def sidecar(self) -> Sidecar: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def project(self) -> str:
        """The project as the request's URL names it."""
        ...

    @property
    def owner(self) -> Owned | None:
        """Whose things the project means; None in one of Google's public projects."""
        ...

    @property
    def owner_id(self) -> str: ...
