"""Settings: one frozen value, made once at start. Options win over the environment, the file and the defaults.

The file is `$GSTACK_HOME/gstack.toml`, with a table for each profile; `gstack-configure` writes it. The variable of a
setting is `GSTACK_` and the path of the setting in capitals, e.g. `GSTACK_SERVER_PORT`.
"""

import difflib
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
    """Where and how the gateway listens.

    `public_url` stands in links when the Host header names none of `hosts`. `trust_proxy` are the addresses and
    networks whose X-Forwarded-For, -Proto and -Host count. `audit_log` is a file in the home folder or with a whole
    path, "-" for standard output, or empty for no log.
    """

    bind: str = "localhost"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 5000
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    public_url: str = ""
    hosts: tuple[str, ...] = ()
    cert: str = ""
    key: str = ""
    insecure_http: bool = False  # no TLS: only on loopback or behind a trusted proxy
    trust_proxy: tuple[str, ...] = ()
    body_limit: _Count = 1_048_576  # bytes
    body_timeout: _Seconds = 60.0  # seconds in which the body of a request must arrive
    connections: _Count = 1024  # open connections of a worker
    connections_per_address: _Count = 256  # of these, from one address that is no trusted proxy
    audit_log: str = "audit.log"
    log_level: Annotated[str, msgspec.Meta(pattern="^(debug|info|warning|error)$")] = "info"


class CloudStackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which CloudStack. An empty `endpoint` means the built-in sandbox."""

    endpoint: str = ""
    ca_file: str = ""
    timeout: _Seconds = 30.0  # seconds for one call; CloudStack does long work in jobs
    page_size: _Count = 500
    # how long zones, offerings, templates and the networks of an account are remembered
    reference_seconds: Annotated[float, msgspec.Meta(ge=0)] = 10.0


class NameSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which Google names stand for CloudStack's.

    `zones` maps names of CloudStack zones to GCE zones, and `disk_types` maps GCE disk types to disk offerings. With
    `target_tags` "" firewall rules with target tags are refused in VPC zones; "subnetwork" widens them to the
    subnetwork.
    """

    zones: dict[str, str] = {}
    disk_types: dict[str, str] = {}
    target_tags: Annotated[str, msgspec.Meta(pattern="^(|subnetwork)$")] = ""


class OperationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times of the journal, in seconds unless the name says days."""

    answer_within: Annotated[float, msgspec.Meta(ge=0)] = 5.0  # a mutation that ends within this is answered DONE
    wait_limit: Annotated[float, msgspec.Meta(ge=0)] = 110.0  # `wait` answers before clients give up, after two minutes
    lease: _Seconds = 30.0
    keep_days: Annotated[int, msgspec.Meta(ge=0)] = 14
    poll_interval: _Seconds = 0.5  # the shortest pause between two queries of a CloudStack job


class TrustSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An OpenID Connect issuer whose tokens may be exchanged. `gstack trust` maps its tokens to accounts.

    `audience` must equal the `aud` of a token. An empty `jwks_uri` is looked up in the issuer's discovery document.
    """

    issuer: str
    audience: str
    jwks_uri: str = ""
    ca_file: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of a server."""

    home: Path
    profile: str = "initial"
    database: str = ""  # SQLAlchemy URL; empty: SQLite in `home`, a file for each profile
    server: ServerSettings = ServerSettings()
    cloudstack: CloudStackSettings = CloudStackSettings()
    names: NameSettings = NameSettings()
    operations: OperationSettings = OperationSettings()
    trust: dict[str, TrustSettings] = {}
    own_sandbox: bool = False  # set by `gstack serve` for its workers; users cannot set it

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL in force. Each profile stands for another cloud, so each has its own file."""
        name = "gstack.db" if self.profile == "initial" else f"gstack-{self.profile}.db"
        return self.database or f"sqlite+aiosqlite:///{self.home / name}"

    @property
    def cloud(self) -> str:
        """The name of this CloudStack in the journal. The sandbox has a fixed one, because its port changes."""
        return "sandbox" if self.own_sandbox else self.cloudstack.endpoint.rstrip("/")

    @property
    def public_url(self) -> str:
        """The URL of this server where no Host header says it, without a slash at its end."""
        scheme = "http" if self.server.insecure_http and not self.server.trust_proxy else "https"
        host = f"[{self.server.bind}]" if ":" in self.server.bind else self.server.bind  # RFC 3986: IPv6 in brackets
        return (self.server.public_url or f"{scheme}://{host}:{self.server.port}").rstrip("/")

    @property
    def client_url(self) -> str:
        """The URL for clients: `server.public_url` where it is set, else a URL that works on this machine."""
        everywhere = self.server.bind in {"0.0.0.0", "::"}  # noqa: S104  # compared, not bound
        if self.server.public_url or not everywhere:
            return self.public_url
        return f"{self.public_url.partition(':')[0]}://localhost:{self.server.port}"


SETTINGS_VARIABLE = "GSTACK_SETTINGS"  # hands the settings of `gstack serve` to its workers, as JSON
PARENT_VARIABLE = "GSTACK_PARENT"  # the process id of `gstack serve`; workers end when it is gone
_INTERNAL = {SETTINGS_VARIABLE, PARENT_VARIABLE, "GSTACK_CRASH_FILE"}


def encode(settings: Settings) -> str:
    """Settings as JSON, for another process."""
    return msgspec.json.encode(settings, enc_hook=str).decode()


def decode(text: str) -> Settings:
    """Settings from `encode`."""
    return msgspec.json.decode(text, type=Settings, dec_hook=_path)


def home(environment: Mapping[str, str]) -> Path:
    """Return the folder of all state: `GSTACK_HOME`, else `~/.gstack`."""
    return Path(environment.get("GSTACK_HOME") or "~/.gstack").expanduser()


def load(
    profile: str, environment: Mapping[str, str], flags: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Read the settings of a profile. `flags` are options by table, as in the file; None values do not count.

    Raises SettingsError, whose text says which setting is wrong and where it was found.
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
    """Refuse values that are wrong together or in a way that their type does not say."""
    server = settings.server
    if bool(server.cert) != bool(server.key):
        given, missing = ("server.cert", "server.key") if server.cert else ("server.key", "server.cert")
        raise SettingsError(f"A setting is wrong: {given} is given without {missing}. Set both or neither.")
    if settings.database and not settings.database.startswith(_DATABASES):
        kind = settings.database.partition(":")[0]
        raise SettingsError(
            f"A setting is wrong: database (GSTACK_DATABASE) is of the kind {kind!r}. Use {' or '.join(_DATABASES)}…"
        )
    for host in server.hosts:
        if not _HOST.fullmatch(host):
            raise SettingsError(
                f"A setting is wrong: server.hosts: {host!r} is not a host name, with or without a port."
            )
    for name, url in {
        "server.public_url": server.public_url,
        "cloudstack.endpoint": settings.cloudstack.endpoint,
    }.items():
        if url and not _URL.match(url):
            raise SettingsError(
                f"A setting is wrong: {name}: {url!r} is not a URL. Write http://… or https://… and a host."
            )
    _check_regions(settings.names.zones)
    return _placed(settings)


def _check_regions(zones: Mapping[str, str]) -> None:
    """Refuse two zones in one region: a region of Google's API stands for one zone of CloudStack here."""
    regions: dict[str, str] = {}
    for name, zone in zones.items():
        region = zone.rpartition("-")[0]
        if region in regions:
            raise SettingsError(
                f"A setting is wrong: names.zones puts the CloudStack zones {regions[region]!r} and {name!r} in one "
                f"region, {region!r}. Give each zone a region of its own, e.g. {region}1-a and {region}2-a."
            )
        regions[region] = name


def _placed(settings: Settings) -> Settings:
    """Make paths absolute, for commands in other folders. Symbolic links stay, because their targets change."""
    server, cloudstack = settings.server, settings.cloudstack
    cert, key, ca_file = map(_absolute, (server.cert, server.key, cloudstack.ca_file))
    trust = {
        name: msgspec.structs.replace(issuer, ca_file=_absolute(issuer.ca_file))
        for name, issuer in settings.trust.items()
    }
    return msgspec.structs.replace(
        settings,
        home=settings.home.absolute(),
        server=msgspec.structs.replace(server, cert=cert, key=key),
        cloudstack=msgspec.structs.replace(cloudstack, ca_file=ca_file),
        trust=trust,
    )


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""


def check_profile(name: str) -> None:
    """Refuse a profile name that cannot be the name of a table and a file."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name):
        raise SettingsError(f"{name!r} is not a profile name. Use letters, digits, - and _.")


class SettingsError(ValueError):
    """A setting is wrong. The text says which one, where it was found and what was expected."""


def check_known(settings: Settings) -> None:
    """Refuse a profile that is missing in an existing `gstack.toml`: a misspelt name must not start a sandbox."""
    profiles = sorted(_file(settings.home))
    if not profiles or settings.profile in profiles or settings.cloudstack.endpoint:
        return
    text = f"There is no profile {settings.profile!r} in {settings.home / 'gstack.toml'}: it has {', '.join(profiles)}."
    raise SettingsError(
        f"{text} `gstack-configure -p {settings.profile}` makes one, and `gstack serve --sandbox` needs none."
    )


def read_profile(folder: Path, profile: str) -> dict[str, Any]:
    """Return the table of a profile in `gstack.toml`; empty where there is none."""
    found = _file(folder).get(profile, {})
    if not isinstance(found, dict):
        raise SettingsError(
            f"{profile!r} in {folder / 'gstack.toml'} is not a table. Write [{profile}.server] and so on."
        )
    return dict(found)


def _only_users(table: dict[str, Any]) -> dict[str, Any]:
    """Refuse the settings that users cannot set."""
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
    except ValueError as error:  # also bytes that are not UTF-8
        raise SettingsError(f"{path} is not valid TOML: {error}") from error


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


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Say which variables begin with `GSTACK_` and are not settings, each with the setting that was perhaps meant."""
    settings = {f"GSTACK_{table}_{field}".upper() for table, fields in _tables().items() for field in fields}
    settings |= {"GSTACK_DATABASE", "GSTACK_HOME", "GSTACK_SECRET_KEY"}
    unknown = [
        name
        for name, value in sorted(environment.items())
        if name.startswith("GSTACK_") and name not in settings | _INTERNAL and not _from_kubernetes(name, value)
    ]
    close = {name: difflib.get_close_matches(name, settings, n=1, cutoff=0.75) for name in unknown}
    return [
        f"{name} is not a setting of gstack and has no effect." + (f" Did you mean {near[0]}?" if near else "")
        for name, near in close.items()
    ]


def _from_kubernetes(name: str, value: str) -> bool:
    """Whether Kubernetes set this variable, as it does in every container for a service called `gstack`."""
    return bool(re.fullmatch(r"GSTACK_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_\w+)", name)) or (
        name == "GSTACK_PORT" and "://" in value
    )


def _tables() -> dict[str, tuple[str, ...]]:
    fields = msgspec.structs.fields(Settings)
    return {field.name: field.type.__struct_fields__ for field in fields if hasattr(field.type, "__struct_fields__")}


def _structured(value: str) -> Any:
    """Decode lists and tables, which are JSON in the environment. Other values stay as they are."""
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
            earlier = merged.get(name, {})
            merged[name] = {**earlier, **{key: item for key, item in value.items() if item is not None}}
        elif value is not None:
            merged[name] = value
    return merged


def _path(kind: type, value: Any) -> Any:
    """Make a Path of text: the one type here that msgspec does not know."""
    return kind(value)


def _checked(settings: Mapping[str, Any], source: str) -> Settings:
    try:
        return msgspec.convert(settings, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"A setting is wrong: {_in_words(str(error), source)}") from error


def _in_words(error: str, source: str) -> str:
    """Say in the words of settings what msgspec found: `Expected `int`, got `str` - at `$.server.port``."""
    what, _, place = error.partition(" - at ")
    path = place.strip("`").removeprefix("$").lstrip(".").replace("[...]", ".<name>")
    what = what[0].lower() + what[1:]
    if unknown := re.search(r"object contains unknown field `(.*)`", what):
        path, what = f"{path}.{unknown[1]}".lstrip("."), "there is no such setting"
    elif missing := re.search(r"object missing required field `(.*)`", what):
        path, what = f"{path}.{missing[1]}".lstrip("."), "it is missing"
    elif choice := re.search(r"matching regex '\^\(\|?(.*)\)\$'", what):
        what = f"expected one of: {choice[1].replace('|', ', ')}"
    found = {"file": " in gstack.toml", "option": " in an option"}.get(source, "")
    if source == "environment" and path:
        found = f" (GSTACK_{path.split('.<')[0].replace('.', '_').upper()})"
    return f"{path or 'settings'}{found}: {what}."
