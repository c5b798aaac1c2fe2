"""Settings: one frozen value, made once at start. Flags win over environment, file and defaults, in this order.

The file is `$GSTACK_HOME/gstack.toml`, one table per profile; `gstack-configure` writes it. The environment names are
`GSTACK_` plus the path of the setting in capitals, e.g. `GSTACK_SERVER_PORT`.
"""

from pathlib import Path

import msgspec


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where and how the gateway listens. `public_url` is what links show when the Host header is not allow-listed."""

    bind: str = "localhost"
    port: int = 5000
    workers: int = 1
    public_url: str = ""
    hosts: tuple[str, ...] = ()
    cert: str = ""
    key: str = ""
    body_limit: int = 1_048_576  # bytes


class CloudStackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which CloudStack. An empty `endpoint` means the built-in sandbox."""

    endpoint: str = ""
    ca_file: str = ""
    timeout: float = 60.0  # seconds for one call
    page_size: int = 500
    reference_seconds: float = 10.0  # how long zones, offerings, templates and own networks are remembered


class NameSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How CloudStack's names show as Google's (README: names).

    `zones`: CloudStack zone name -> GCE zone name. `disk_types`: GCE disk type -> disk offering name.
    `target_tags`: "" refuses target tags in VPC zones, "subnetwork" widens them to the subnetwork.
    """

    zones: dict[str, str] = {}
    disk_types: dict[str, str] = {}
    target_tags: str = ""


class OperationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times of the journal, in seconds unless said."""

    answer_within: float = 5.0  # a mutation that finishes within this is answered DONE
    wait_limit: float = 110.0  # `wait` answers before clients' two minutes end
    lease: float = 30.0
    keep_days: int = 14
    poll_interval: float = 0.5  # the shortest pause between two looks at CloudStack's jobs


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the app is told from outside."""

    home: Path
    profile: str = "initial"
    database: str = ""  # SQLAlchemy URL; empty: SQLite in `home`
    server: ServerSettings = ServerSettings()
    cloudstack: CloudStackSettings = CloudStackSettings()
    names: NameSettings = NameSettings()
    operations: OperationSettings = OperationSettings()

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database or f"sqlite+aiosqlite:///{self.home / 'gstack.db'}"

    @property
    def public_url(self) -> str:
        """The URL that stands for this server where a Host header cannot, without a slash at its end."""
        return (self.server.public_url or f"https://{self.server.bind}:{self.server.port}").rstrip("/")
