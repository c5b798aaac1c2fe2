"""A gateway on real HTTP conventions: the mounted app with functions of the test's own, and no cloud behind it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from falcon.asgi import App, Request, Response
from falcon.testing import TestClient

from gstack.cloudstack.client import Client, CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import ServerSettings, Settings
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.gateway import batch, documents, endpoint
from gstack.gateway.call import Call, Caller, Function, Links, Owner, Served, Services
from gstack.gateway.discovery import methods
from gstack.operations.journal import Journal

SCOPES = {
    "Bearer full": frozenset[str](),
    "Bearer reader": frozenset({"https://www.googleapis.com/auth/compute.readonly"}),
    "Bearer writer": frozenset({"https://www.googleapis.com/auth/compute"}),
    "Bearer storage": frozenset({"https://www.googleapis.com/auth/devstorage.read_only"}),
}
CALLER = Caller("c1", KeyPair("key", "secret"), "demo@example.com", "demo", "a-1")


async def guard(req: Request) -> Caller:
    """Know the tokens above."""
    scopes = SCOPES.get(req.get_header("Authorization") or "")
    if scopes is None:
        raise Problem.unauthorized()
    return Caller("c1", CALLER.keys, CALLER.user, "demo", "a-1", scopes=scopes)


async def resolve_owner(_: Client, caller: Caller, project: str) -> Owner | None:
    """Know the caller's own project alone."""
    return Owner(caller.account_id, project) if project == caller.account else None


async def listed_zone(_cloudstack: Client, name: str) -> str:
    """Every zone has one name."""
    return name


def audit(event: str, **_: object) -> None:
    """Know what the audit log is told of here."""
    assert event == "mutation"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose CloudStack does not answer, and whose journal nobody uses."""
    server = ServerSettings(bind="localhost", port=5000, hosts=("gce.example.com",), body_limit=10_000)
    settings = Settings(home=tmp_path, server=server)
    nothing: Any = None
    cloudstack = CloudStack("http://127.0.0.1:9/client/api", timeout=2)
    no_journal, no_sidecar = cast("Journal", nothing), cast("Sidecar", nothing)
    return Services(settings, cloudstack, no_sidecar, no_journal, guard, resolve_owner, listed_zone, audit)


@pytest.fixture
def gateway(services: Services) -> Callable[..., TestClient]:
    """Build a client of a gateway that serves these functions: `gateway({"compute.zones.list": f})`."""

    def build(functions: dict[str, Function | Served], token: str = "full") -> TestClient:
        app: App[Request, Response] = App()
        endpoint.mount(app, services, {i: f if isinstance(f, Served) else Served(f) for i, f in functions.items()})
        batch.mount(app, services.settings)
        documents.mount(app, services.settings)
        return TestClient(app, headers={"Authorization": f"Bearer {token}"} if token else {})

    return build


@pytest.fixture
def make_call(services: Services) -> Callable[..., Call]:
    """Build a Call of a method: `make_call("compute.zones.list", filter="name eq a")`, in project demo."""

    def build(method_id: str, /, **params: Any) -> Call:
        owner = Owner("a-1", "demo")
        places = {"project": "demo", "zone": "sandbox-east1-a", "region": "sandbox-east1"}
        return Call(
            method=methods()[method_id],
            caller=CALLER,
            project="demo",
            owner=owner,
            params=places | params,
            body={},
            cloudstack=services.cloudstack.client(CALLER.keys),
            sidecar=services.sidecar,
            journal=services.journal,
            settings=services.settings,
            links=Links("https://localhost:5000/compute/v1/"),
        )

    return build
