"""Where settings come from and which one wins."""

import re
from pathlib import Path

import msgspec
import pytest

from gstack.config import (
    ServerSettings,
    Settings,
    SettingsError,
    TrustSettings,
    check_known,
    home,
    load,
    unknown_variables,
)

FILE = """
[initial.server]
port = 5005
bind = "0.0.0.0"
[initial.names.zones]
"Sandbox-simulator" = "cs-zone1-a"
[second.server]
port = 7000
"""


def environment(folder: Path, **values: str) -> dict[str, str]:
    return {"GSTACK_HOME": str(folder), **values}


def test_defaults_are_those_of_the_first_gstack(tmp_path: Path) -> None:
    """Without a file gstack listens on localhost:5000 and uses the sandbox."""
    settings = load("initial", environment(tmp_path))
    assert (settings.server.bind, settings.server.port, settings.cloudstack.endpoint) == ("localhost", 5000, "")
    assert settings.public_url == "https://localhost:5000"
    assert settings.database_url.endswith("gstack.db")


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    """The order of the layers."""
    (tmp_path / "gstack.toml").write_text(FILE)
    known = environment(tmp_path, GSTACK_SERVER_PORT="6000", GSTACK_SERVER_BIND="127.0.0.1")
    assert load("initial", environment(tmp_path)).server.port == 5005
    assert load("initial", known).server.port == 6000
    settings = load("initial", known, {"server": {"port": 7000, "bind": None}})
    assert (settings.server.port, settings.server.bind) == (7000, "127.0.0.1")


def test_profiles_are_kept_apart(tmp_path: Path) -> None:
    """A profile is one table of the file."""
    (tmp_path / "gstack.toml").write_text(FILE)
    assert load("second", environment(tmp_path)).server.port == 7000
    assert load("second", environment(tmp_path)).names.zones == {}
    assert load("initial", environment(tmp_path)).names.zones == {"Sandbox-simulator": "cs-zone1-a"}


def test_profiles_have_databases_of_their_own(tmp_path: Path) -> None:
    """Another cloud's server must not find this one's operations and secrets; a database that is named goes before."""
    assert load("initial", environment(tmp_path)).database_url.endswith("/gstack.db")
    assert load("second", environment(tmp_path)).database_url.endswith("/gstack-second.db")
    named = environment(tmp_path, GSTACK_DATABASE="sqlite+aiosqlite:////srv/both.db")
    assert load("second", named).database_url == "sqlite+aiosqlite:////srv/both.db"


@pytest.mark.parametrize("name", ["home", "profile", "own_sandbox"])
def test_what_is_no_user_s_to_set_is_refused(tmp_path: Path, name: str) -> None:
    """The file cannot move the home that it lies in, nor say that the server runs on its sandbox."""
    (tmp_path / "gstack.toml").write_text(f"[initial]\n{name} = 1")
    with pytest.raises(SettingsError, match=name):
        load("initial", environment(tmp_path))


def test_a_profile_that_the_file_has_not(tmp_path: Path) -> None:
    """It is refused where there is a file, whatever its name; one whose CloudStack is told otherwise is not."""
    check_known(load("third", environment(tmp_path)))
    (tmp_path / "gstack.toml").write_text(FILE)
    for name in ("initial", "second"):
        check_known(load(name, environment(tmp_path)))
    check_known(load("third", environment(tmp_path, GSTACK_CLOUDSTACK_ENDPOINT="http://c")))
    with pytest.raises(SettingsError, match=r"'third' .* it has initial, second"):
        check_known(load("third", environment(tmp_path)))
    (tmp_path / "gstack.toml").write_text(FILE.replace("[initial", "[first"))
    with pytest.raises(SettingsError, match=r"'initial' .* it has first, second"):
        check_known(load("initial", environment(tmp_path)))


def test_tables_come_as_json_in_the_environment(tmp_path: Path) -> None:
    """A table or list in the environment is JSON."""
    known = environment(
        tmp_path, GSTACK_NAMES_ZONES='{"Zone 1": "cs-zone1-a"}', GSTACK_DATABASE="postgresql+psycopg:///g"
    )
    settings = load("initial", known)
    assert settings.names.zones == {"Zone 1": "cs-zone1-a"}
    assert settings.database_url == "postgresql+psycopg:///g"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[initial.server]\nport = 'many'", "port"),
        ("[initial.server]\nprot = 5000", "prot"),
        ("[initial", "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_source(tmp_path: Path, text: str, told: str) -> None:
    """A wrong type, an unknown name, a broken file: the error says where and what."""
    (tmp_path / "gstack.toml").write_text(text)
    with pytest.raises(SettingsError, match=told):
        load("initial", environment(tmp_path))


def test_home_is_a_dot_folder_unless_told() -> None:
    """GSTACK_HOME moves all state."""
    assert home({}) == Path("~/.gstack").expanduser()
    assert home({"GSTACK_HOME": "/srv/gstack"}) == Path("/srv/gstack")


def test_every_setting_is_documented() -> None:
    """docs/settings.md names every setting, and none that does not exist."""
    text = (Path(__file__).parent.parent / "docs" / "settings.md").read_text()
    named = {
        name for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    tables = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    known = {f"{table}.{name}" for table, kind in tables.items() for name in getattr(kind, "__struct_fields__", ())}
    known |= {f"trust.<name>.{name}" for name in TrustSettings.__struct_fields__}
    assert named == known | {"database"}


def test_a_server_that_listens_everywhere_is_called_localhost_here(tmp_path: Path) -> None:
    """0.0.0.0 is no host that a client can ask for; a public URL is one everywhere."""
    everywhere = Settings(home=tmp_path, server=ServerSettings(bind="0.0.0.0", port=5000))
    assert everywhere.client_url == "https://localhost:5000"
    known = Settings(home=tmp_path, server=ServerSettings(bind="0.0.0.0", public_url="https://gce.example.org/"))
    assert known.client_url == "https://gce.example.org"


@pytest.mark.parametrize(("bind", "told"), [("::1", "https://[::1]:5000"), ("::", "https://localhost:5000")])
def test_an_ipv6_address_stands_in_brackets(tmp_path: Path, bind: str, told: str) -> None:
    """As RFC 3986 wants it in URLs."""
    assert Settings(home=tmp_path, server=ServerSettings(bind=bind)).client_url == told


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GSTACK_SERVER_LOG_LEVEL", "chatty"),
        ("GSTACK_SERVER_PORT", "70000"),
        ("GSTACK_SERVER_PORT", "0"),
        ("GSTACK_SERVER_WORKERS", "0"),
        ("GSTACK_CLOUDSTACK_PAGE_SIZE", "0"),
        ("GSTACK_CLOUDSTACK_TIMEOUT", "0"),
        ("GSTACK_OPERATIONS_LEASE", "-1"),
        ("GSTACK_NAMES_TARGET_TAGS", "widen"),
        ("GSTACK_DATABASE", "mysql://localhost/gstack"),
    ],
)
def test_values_that_cannot_work_are_refused(tmp_path: Path, variable: str, value: str) -> None:
    """By name, before anything starts."""
    with pytest.raises(SettingsError, match=variable):
        load("initial", environment(tmp_path, **{variable: value}))


def test_certificate_and_key_go_together(tmp_path: Path) -> None:
    """Wherever they come from; half a pair would be found by the workers, one after the other."""
    (tmp_path / "gstack.toml").write_text("[initial.server]\nkey = '/k'")
    with pytest.raises(SettingsError, match=r"server.key is given without server.cert"):
        load("initial", environment(tmp_path))
    with pytest.raises(SettingsError, match=r"server.cert is given without server.key"):
        load("other", environment(tmp_path, GSTACK_SERVER_CERT="/c"))
    assert load("initial", environment(tmp_path, GSTACK_SERVER_CERT="/c")).server.cert == "/c"


def test_files_are_known_by_their_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are called in other folders than the server was."""
    monkeypatch.chdir(tmp_path)
    flags = {"server": {"cert": "c.pem", "key": "k.pem"}, "cloudstack": {"ca_file": "ca.pem"}}
    found = load("initial", {"GSTACK_HOME": "state"}, flags)
    assert found.home == tmp_path / "state"
    assert (found.server.cert, found.server.key) == (str(tmp_path / "c.pem"), str(tmp_path / "k.pem"))
    assert found.cloudstack.ca_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("host", ["https://gce.example.com", "gce.example.com/", "*.example.com", "", "gce example"])
def test_hosts_that_are_none_are_refused(tmp_path: Path, host: str) -> None:
    """A request could never ask for them: better said than ignored."""
    with pytest.raises(SettingsError, match=r"server\.hosts"):
        load("initial", {"GSTACK_HOME": str(tmp_path)}, {"server": {"hosts": (host,)}})


@pytest.mark.parametrize(
    "url", ["gce.example.com", "ftp://gce.example.com", "https://", "https://[::1", "https://ü.de"]
)
def test_urls_that_are_none_are_refused(tmp_path: Path, url: str) -> None:
    """Answers would carry them, or CloudStack be asked there."""
    for table, name in (("server", "public_url"), ("cloudstack", "endpoint")):
        with pytest.raises(SettingsError, match=f"{table}.{name}"):
            load("initial", {"GSTACK_HOME": str(tmp_path)}, {table: {name: url}})


def test_hosts_and_urls_that_are_taken(tmp_path: Path) -> None:
    """Names, addresses, ports and paths."""
    hosts = ("gce.example.com", "gce:5000", "[2001:db8::1]:443", "192.0.2.1")
    server = {"hosts": hosts, "public_url": "https://gce.example.com:8443"}
    cloudstack = {"endpoint": "http://cloud.example.com:8080/client/api"}
    found = load("initial", {"GSTACK_HOME": str(tmp_path)}, {"server": server, "cloudstack": cloudstack})
    assert found.server.hosts == hosts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[initial.server]\nport = 'many'", "server.port in gstack.toml: expected `int`, got `str`."),
        ("[initial.server]\nport = 70000", "server.port in gstack.toml: expected `int` <= 65535."),
        ("[initial.server]\nprot = 1", "server.prot in gstack.toml: there is no such setting."),
        ("[initial]\nprot = 1", "prot in gstack.toml: there is no such setting."),
        ("[initial.trust.ci]\nissuer = 'x'", "trust.<name>.audience in gstack.toml: it is missing."),
        (
            "[initial.server]\nlog_level = 'chatty'",
            "server.log_level in gstack.toml: expected one of: debug, info, warning, error.",
        ),
    ],
)
def test_messages_name_settings_as_users_write_them(tmp_path: Path, text: str, said: str) -> None:
    """The path of the setting, and no notation of a library."""
    (tmp_path / "gstack.toml").write_text(text)
    with pytest.raises(SettingsError) as error:
        load("initial", environment(tmp_path))
    assert str(error.value) == f"A setting is wrong: {said}"


def test_two_zones_in_one_region_are_refused(tmp_path: Path) -> None:
    """Both zones and the setting are named; a region for each is taken."""
    zones = {"Zone 1": "cs-east-a", "Zone 2": "cs-east-b"}
    with pytest.raises(SettingsError, match=r"names\.zones puts .*'Zone 1' and 'Zone 2' in one region, 'cs-east'"):
        load("initial", environment(tmp_path), {"names": {"zones": zones}})
    zones["Zone 2"] = "cs-west-b"
    assert load("initial", environment(tmp_path), {"names": {"zones": zones}}).names.zones == zones


def test_variables_that_are_not_settings_are_found() -> None:
    """A misspelt one with what was meant; none that gstack reads, that others own, or that Kubernetes sets."""
    fine = {
        "GSTACK_SERVER_PORT": "1", "GSTACK_HOME": "/x", "GSTACK_SECRET_KEY": "k", "GSTACK_DATABASE": "d", "OTHER": "o",
        "GSTACK_SERVICE_HOST": "10.0.0.1", "GSTACK_SERVICE_PORT_HTTPS": "5000", "GSTACK_PORT": "tcp://10.0.0.1:5000",
        "GSTACK_PORT_5000_TCP_ADDR": "10.0.0.1",
    }  # fmt: skip
    assert unknown_variables(fine) == []
    found = unknown_variables({"GSTACK_SERVER_PROT": "1", "GSTACK_PORT": "1", "GSTACK_X": "y"})
    assert [line.split()[0] for line in found] == ["GSTACK_PORT", "GSTACK_SERVER_PROT", "GSTACK_X"]
    assert found[1].endswith("Did you mean GSTACK_SERVER_PORT?")
