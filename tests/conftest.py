"""Fixtures of the whole suite, and the check at its end that every served method was called."""

import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from fixtures import secrecy
from fixtures.gce import Gce
from fixtures.servers import Stack, stack

pytest_plugins = ["fixtures.databases", "fixtures.instances", "fixtures.storage"]

# Nothing in the environment of whoever runs the suite decides how it ends: trusted authorities, proxies, the language,
# the time zone, the size and the colours of a terminal, settings of gstack and of the clients.
_FOREIGN = re.compile(
    r"REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_(FILE|DIR)|HTTPLIB2_CA_CERTS"
    r"|(HTTPS?|ALL|NO)_PROXY|LANG|LANGUAGE|LC_\w+|TZ|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|CLICOLOR\w*|PYTHONIOENCODING"
    r"|(CLOUDSDK|CLOUDSTACK|GSTACK|GOOGLE|GCE|GCP)_\w+"
)
for _name in [_name for _name in os.environ if _FOREIGN.fullmatch(_name.upper())]:
    os.environ.pop(_name)
time.tzset()

# Each product has a database that writes through to the disk: in memory, where there is room, the suite waits less.
MEMORY = Path("/dev/shm")  # noqa: S108  # pytest makes its own private folder there
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 * 2**30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# How long an example takes says how loaded the machine is, nothing about us.
settings.register_profile("loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loaded")

CALLED = Path(__file__).parent.parent / "artifacts" / "called"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def hold_to_schema(running: Stack, since: int = 0) -> None:
    """Fail where any answer that this product gave, to whatever client, was not Google's."""
    faults = running.app.witness.faults[since:]
    assert not faults, "answers that are not Google's:\n" + "\n".join(faults)


def _called_file() -> Path:
    CALLED.mkdir(parents=True, exist_ok=True)
    return CALLED / f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.txt"


@pytest.fixture(scope="module")
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A fresh sandbox and app, for the tests of one module; its parameter may change settings, as `start` does."""
    changes = dict(getattr(request, "param", {}))
    with stack(tmp_path_factory.mktemp("home"), _called_file(), port=free_port(), **changes) as running:
        yield running
    hold_to_schema(running)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Start further products with other settings: `start(expunge_allowed=True)`."""
    opened: list[tuple[AbstractContextManager[Stack], Stack]] = []

    def starting(**changes: Any) -> Stack:
        home = tmp_path / f"home{len(opened)}"
        home.mkdir()
        manager = stack(home, _called_file(), port=free_port(), **changes)
        running = manager.__enter__()
        opened.append((manager, running))
        return running

    yield starting
    for manager, _ in opened:
        manager.__exit__(None, None, None)
    for _, running in opened:
        hold_to_schema(running)


@pytest.fixture
def gce(product: Stack) -> Iterator[Gce]:
    """The account `demo`. Its test fails where an answer broke Google's schema."""
    before = len(product.app.witness.faults)
    yield Gce(product)
    hold_to_schema(product, before)


@pytest.fixture
def other(product: Stack) -> Gce:
    """The account `other`, which may see nothing of `demo`'s."""
    return Gce(product, "other")


def pytest_sessionstart(session: pytest.Session) -> None:
    structlog.configure(processors=[secrecy.tee, *structlog.get_config()["processors"]])
    if not hasattr(session.config, "workerinput"):
        for old in CALLED.glob("*.txt"):
            old.unlink()


def _hold_secrets(session: pytest.Session) -> None:
    """Fail where a secret that was used stands in a log; then logs and secrets are kept to look at."""
    if found := secrecy.leaked():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nSecrets of this run are in its logs ({secrecy.FOLDER}): {', '.join(sorted(found))}")  # noqa: T201
    else:
        secrecy.forget()


def _is_whole(config: pytest.Config) -> bool:
    """Whether this run is of all tests but the soaks: no path, word or mark chose some, nor what failed before."""
    options = ("-k", "--last-failed", "--failed-first", "--deselect")  # without its plugin an option is not there
    chosen = [config.getoption(option, default=None) for option in options]
    marked = config.getoption("-m") not in {"", "not soak"}
    return config.args == config.getini("testpaths") and not any(chosen) and not marked


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """No log holds a secret. A whole and green run must have called every served method; say which ones it did not."""
    if not hasattr(session.config, "workerinput"):
        _hold_secrets(session)
    if hasattr(session.config, "workerinput") or exitstatus or not _is_whole(session.config):
        return
    from gstack import resources  # noqa: PLC0415  # late: plugins load before coverage
    from gstack.gateway.call import served  # noqa: PLC0415

    resources.load()
    called = {line for file in CALLED.glob("*.txt") for line in file.read_text().split()}
    if missing := sorted(set(served()) - called):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nServed methods that no test called; add a test that does: {', '.join(missing)}")  # noqa: T201
