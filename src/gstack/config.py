"""Settings: one frozen value, made once at start. Flags win over environment, file and defaults, in this order.

The file is `$GSTACK_HOME/gstack.toml`, one table per profile; `gstack-configure` writes it. The environment names are
`GSTACK_` plus the path of the setting in capitals, e.g. `GSTACK_SERVER_PORT`.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]
_NAME = r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::[0-9]{1,5})?"
_HOST, _URL = re.compile(_NAME), re.compile(rf"https?://{_NAME}(?:/[!-~]*)?\Z")
_DATABASES = ("sqlite+aiosqlite://", "postgresql+psycopg://")


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where and how the gateway listens. `public_url` is what links show when the Host header is not allow-listed.

    `trust_proxy`: addresses and networks whose X-Forwarded-For, -Proto and -Host are believed. `audit_log`: a file,
    relative to the home folder, "-" for standard output, or nothing.
    """

    bind: str = "localhost"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 5000
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    public_url: str = ""
    hosts: tuple[str, ...] = ()
    cert: str = ""
    key: str = ""
    insecure_http: bool = False  # no TLS: on loopback, or behind a proxy that is trusted
    trust_proxy: tuple[str, ...] = ()
    body_limit: _Count = 1_048_576  # bytes
    body_timeout: _Seconds = 60.0  # seconds in which a request's body must be here
    connections: _Count = 1024  # open connections of a worker
    connections_per_address: _Count = 256  # of these, from one address that is no trusted proxy
    audit_log: str = "audit.log"
    log_level: Annotated[str, msgspec.Meta(pattern="^(debug|info|warning|error)$")] = "info"


class CloudStackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which CloudStack. An empty `endpoint` means the built-in sandbox."""

    endpoint: str = ""
    ca_file: str = ""
    timeout: _Seconds = 30.0  # for one call; long work is CloudStack's jobs
    page_size: _Count = 500
    reference_seconds: Annotated[float, msgspec.Meta(ge=0)] = (
        10.0  # how long zones, offerings, templates and own networks are remembered
    )


class NameSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How CloudStack's names show as Google's (README: names).

    `zones`: CloudStack zone name -> GCE zone name. `disk_types`: GCE disk type -> disk offering name.
    `target_tags`: "" refuses target tags in VPC zones, "subnetwork" widens them to the subnetwork.
    """

    zones: dict[str, str] = {}
    disk_types: dict[str, str] = {}
    target_tags: Annotated[str, msgspec.Meta(pattern="^(|subnetwork)$")] = ""


class OperationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times of the journal, in seconds unless said."""

    answer_within: Annotated[float, msgspec.Meta(ge=0)] = 5.0  # a mutation that finishes within this is answered DONE
    wait_limit: Annotated[float, msgspec.Meta(ge=0)] = 110.0  # `wait` answers before clients' two minutes end
    lease: _Seconds = 30.0
    keep_days: Annotated[int, msgspec.Meta(ge=0)] = 14
    poll_interval: _Seconds = 0.5  # the shortest pause between two looks at CloudStack's jobs


class TrustSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An OpenID Connect issuer whose tokens may be exchanged (`gstack trust` says for which accounts).

    `audience` is what its tokens must be made for, exactly. `jwks_uri` names its keys; empty: as its discovery says.
    """

    issuer: str
    audience: str
    jwks_uri: str = ""
    ca_file: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the app is told from outside."""

    home: Path
    profile: str = "initial"
    database: str = ""  # SQLAlchemy URL; empty: SQLite in `home`, a file for each profile
    server: ServerSettings = ServerSettings()
    cloudstack: CloudStackSettings = CloudStackSettings()
    names: NameSettings = NameSettings()
    operations: OperationSettings = OperationSettings()
    trust: dict[str, TrustSettings] = {}
    own_sandbox: bool = False  # `gstack serve` says so to its workers; no user's to set

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL in force. Profiles are different clouds, so each has a file of its own."""
        name = "gstack.db" if self.profile == "initial" else f"gstack-{self.profile}.db"
        return self.database or f"sqlite+aiosqlite:///{self.home / name}"

    @property
    def cloud(self) -> str:
        """What stands for this server's CloudStack in the journal; the sandbox's port changes from start to start."""
        return "sandbox" if self.own_sandbox else self.cloudstack.endpoint.rstrip("/")

    @property
    def public_url(self) -> str:
        """The URL that stands for this server where a Host header cannot, without a slash at its end."""
        scheme = "http" if self.server.insecure_http and not self.server.trust_proxy else "https"
        host = f"[{self.server.bind}]" if ":" in self.server.bind else self.server.bind  # RFC 3986: IPv6 in brackets
        return (self.server.public_url or f"{scheme}://{host}:{self.server.port}").rstrip("/")

    @property
    def client_url(self) -> str:
        """The server's URL for clients on this machine or, with `server.public_url`, on others."""
        everywhere = self.server.bind in {"0.0.0.0", "::"}  # noqa: S104  # compared, not bound
        if self.server.public_url or not everywhere:
            return self.public_url
        return f"{self.public_url.partition(':')[0]}://localhost:{self.server.port}"


SETTINGS_VARIABLE = "GSTACK_SETTINGS"  # how `gstack serve` hands its settings to the workers, as JSON
PARENT_VARIABLE = "GSTACK_PARENT"  # the process id of `gstack serve`; workers end when it is gone


def encode(settings: Settings) -> str:
    """Settings as JSON, for another process."""
    return msgspec.json.encode(settings, enc_hook=str).decode()


def decode(text: str) -> Settings:
    """Settings from `encode`."""
    return msgspec.json.decode(text, type=Settings, dec_hook=_path)


def home(environment: Mapping[str, str]) -> Path:
    """Where all state lives: `GSTACK_HOME`, else `~/.gstack`."""
    return Path(environment.get("GSTACK_HOME") or "~/.gstack").expanduser()


def load(
    profile: str, environment: Mapping[str, str], flags: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Make the Settings of a profile. `flags` are by table, as in the file; None values do not count.

    Raises SettingsError, whose text says which setting is wrong and where it came from.
    """
    check_profile(profile)
    folder = home(environment)
    layers = (
        ("file", _only_users(read_profile(folder, profile))),
        ("environment", _from_environment(environment)),
        ("option", dict(flags or {})),
    )
    settings: dict[str, Any] = {"home": str(folder), "profile": profile}
    for source, layer in layers:
        settings = _merged(settings, layer)
        _checked(settings, source)
    return _consistent(_checked(settings, "settings"))


def _consistent(settings: Settings) -> Settings:
    """Refuse what is wrong together, and a database of a kind that gstack does not know."""
    server = settings.server
    if bool(server.cert) != bool(server.key):
        given, missing = ("server.cert", "server.key") if server.cert else ("server.key", "server.cert")
        raise SettingsError(f"A setting is wrong: {given} is given without {missing}. They go together.")
    if settings.database and not settings.database.startswith(_DATABASES):
        kind = settings.database.partition(":")[0]
        raise SettingsError(
            f"A setting is wrong: `database` (GSTACK_DATABASE) of the kind {kind!r}: use {' or '.join(_DATABASES)}…"
        )
    _check_hosts(settings)
    return _placed(settings)


def _check_hosts(settings: Settings) -> None:
    for host in settings.server.hosts:
        if not _HOST.fullmatch(host):
            raise SettingsError(
                f"A setting is wrong: `server.hosts`: {host!r} is no host name, with a port or without."
            )
    urls = {"server.public_url": settings.server.public_url, "cloudstack.endpoint": settings.cloudstack.endpoint}
    for name, url in urls.items():
        if url and not _URL.match(url):
            raise SettingsError(
                f"A setting is wrong: `{name}`: {url!r} is no URL. Send http://… or https://… with a host."
            )


def _placed(settings: Settings) -> Settings:
    """Files by their whole paths, for commands in other folders. Links stay: what they lead to changes."""
    server, cloudstack = settings.server, settings.cloudstack
    given = (server.cert, server.key, cloudstack.ca_file)
    cert, key, ca_file = (str(Path(name).absolute()) if name else "" for name in given)
    return msgspec.structs.replace(
        settings,
        home=settings.home.absolute(),
        server=msgspec.structs.replace(server, cert=cert, key=key),
        cloudstack=msgspec.structs.replace(cloudstack, ca_file=ca_file),
    )


def check_profile(name: str) -> None:
    """Refuse a profile name that is no plain word: it becomes a table's and a file's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name):
        raise SettingsError(f"{name!r} is no profile name: letters, digits, - and _")


class SettingsError(ValueError):
    """A setting is wrong; the text says which one, where it was found and what was expected."""


def check_known(settings: Settings) -> None:
    """Refuse a profile that an existing `gstack.toml` has not: a misspelt one would work on a sandbox, unnoticed."""
    known = sorted(_file(settings.home))
    if not known or settings.profile in known or settings.cloudstack.endpoint:
        return
    text = f"There is no profile {settings.profile!r} in {settings.home / 'gstack.toml'}: it has {', '.join(known)}."
    raise SettingsError(
        f"{text} `gstack-configure -p {settings.profile}` makes one, and `gstack serve --sandbox` needs none."
    )


def read_profile(folder: Path, profile: str) -> dict[str, Any]:
    """One profile's table of `gstack.toml`; empty where there is none."""
    found = _file(folder).get(profile, {})
    if not isinstance(found, dict):
        raise SettingsError(f"{profile!r} in {folder / 'gstack.toml'} is no table: write [{profile}.server] and so on.")
    return dict(found)


def _only_users(table: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is no user's to set."""
    for name in ("home", "profile", "own_sandbox"):
        if name in table:
            raise SettingsError(f"gstack.toml may not set {name!r}.")
    return table


def _file(folder: Path) -> dict[str, Any]:
    path = folder / "gstack.toml"
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:  # what is no UTF-8 is no TOML
        raise SettingsError(f"{path} is no valid TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for table, fields in _tables().items():
        for name in fields:
            value = environment.get(f"GSTACK_{table}_{name}".upper())
            if value is not None:
                found.setdefault(table, {})[name] = _structured(value)
    if database := environment.get("GSTACK_DATABASE"):
        found["database"] = database
    return found


def _tables() -> dict[str, tuple[str, ...]]:
    fields = msgspec.structs.fields(Settings)
    return {field.name: field.type.__struct_fields__ for field in fields if hasattr(field.type, "__struct_fields__")}


def _structured(value: str) -> Any:
    """Lists and tables come as JSON in the environment, everything else as it is."""
    if value[:1] not in {"{", "["}:
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


def _merged(settings: dict[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(settings)
    for name, value in layer.items():
        if isinstance(value, Mapping):
            known = merged.get(name, {})
            merged[name] = {**known, **{key: item for key, item in value.items() if item is not None}}
        elif value is not None:
            merged[name] = value
    return merged


def _path(kind: type, value: Any) -> Any:
    """Turn text into the one type here that msgspec does not know: Path."""
    return kind(value)


def _checked(settings: Mapping[str, Any], source: str) -> Settings:
    try:
        return msgspec.convert(settings, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"A setting is wrong ({_place(str(error), source)}): {error}") from error


def _place(error: str, source: str) -> str:
    """Where the wrong setting was found: the variable's name, or the path in the file."""
    found = re.search(r"`\$\.(\S+?)`", error)
    if not found:
        return source
    if source == "environment":
        return "GSTACK_" + found[1].replace(".", "_").upper()
    return f"{found[1]} in {'gstack.toml' if source == 'file' else f'an {source}'}"
