"""Every served method, by itself, with every kind of caller: generated from what is served.

A new method is in the matrix as soon as it is registered. Things of the account `demo` exist under the names asked for,
so that a method which forgets to look whose they are is found out.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from fixtures.belongings import MINE, REGION, ZONE, furnish
from fixtures.gce import Gce
from fixtures.servers import Stack
from gstack import resources
from gstack.gateway.auditing import is_mutation
from gstack.gateway.call import Method, served
from gstack.gateway.discovery import methods

resources.load()
SERVED = {method_id: methods()[method_id] for method_id in sorted(served())}
MUTATIONS = [method_id for method_id, method in SERVED.items() if is_mutation(method)]
READS = [method_id for method_id in SERVED if method_id not in MUTATIONS]

SCOPE = "https://www.googleapis.com/auth/"
PLACES = {"zone": ZONE, "region": REGION, "diskType": "pd-standard", "machineType": "n1-standard-1"}
FIXED = {"network": "default", "subnetwork": "default"}  # names that every account has


@pytest.fixture(scope="module")
def things(product: Stack) -> dict[str, str]:
    """One thing of `demo` of each kind; the names of the operations that made them."""
    return furnish(Gce(product))


@pytest.fixture(scope="module")
def callers(product: Stack) -> dict[str, Gce]:
    """One voice for each kind of caller."""
    known = {
        "full": Gce(product),
        "writer": Gce(product, scope=f"{SCOPE}compute"),
        "reader": Gce(product, scope=f"{SCOPE}compute.readonly"),
        "storage": Gce(product, scope=f"{SCOPE}devstorage.full_control"),
        "other": Gce(product, "other"),
        "nobody": Gce(product),
        "guess": Gce(product),
    }
    known["nobody"].token = ""
    known["guess"].token = "ya29." + "x" * 43
    return known


def ask(
    caller: Gce, method: Method, things: dict[str, str], project: str = "demo", name: str = MINE
) -> requests.Response:
    """Call a method with names of things that exist, and a body that says as little as possible."""
    operation = things["zones" if "zone" in method.path else "global"]
    values = dict.fromkeys(method.parameters, name) | FIXED | PLACES | {"project": project, "operation": operation}
    needed = {
        field: facts["type"]
        for field, facts in method.parameters.items()
        if facts.get("required") and facts["location"] == "query"
    }
    query = {field: {"integer": "1", "boolean": "true"}.get(kind, name) for field, kind in needed.items()}
    path = method.flat_path.format_map(values)
    body: dict[str, Any] | None = {} if method.request else None
    return caller.call(method.http_method, f"/compute/v1/{path}", body, **query)


def reason(answer: requests.Response) -> str:
    return str(answer.json()["error"]["errors"][0]["reason"])


@pytest.fixture(scope="module")
def world(product: Stack, things: dict[str, str]) -> Iterator[None]:
    """What `demo` has is the same after the matrix as before it."""
    demo = Gce(product)

    def seen() -> Any:
        paths = ("aggregated/instances", "aggregated/disks", "global/firewalls", "global/snapshots", "global/images")
        found = [demo.get(path) for path in (*paths, "global/instanceTemplates", "")]
        return [{name: value for name, value in one.items() if name != "quotas"} for one in found]

    before = seen()
    yield
    assert seen() == before


@pytest.mark.parametrize("method_id", SERVED)
def test_without_a_token(method_id: str, callers: dict[str, Gce], things: dict[str, str], world: None) -> None:
    """No token, or one that was guessed: 401 with a challenge, before anything else is looked at."""
    for caller in ("nobody", "guess"):
        answer = ask(callers[caller], SERVED[method_id], things)
        assert (answer.status_code, reason(answer)) == (401, "authError"), answer.text
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("method_id", MUTATIONS)
def test_changes_need_a_scope_for_them(
    method_id: str, callers: dict[str, Gce], things: dict[str, str], world: None
) -> None:
    """A read-only token, or one for another API, changes nothing: 403 insufficientPermissions."""
    for caller in ("reader", "storage"):
        answer = ask(callers[caller], SERVED[method_id], things)
        assert (answer.status_code, reason(answer)) == (403, "insufficientPermissions"), answer.text


@pytest.mark.parametrize("method_id", READS)
def test_reads_need_a_scope_for_them(
    method_id: str, callers: dict[str, Gce], things: dict[str, str], world: None
) -> None:
    """A read-only token reads; a token for another API does not even that."""
    answer, full = (ask(callers[caller], SERVED[method_id], things) for caller in ("reader", "full"))
    assert answer.status_code == full.status_code, answer.text
    assert answer.status_code in {200, 404}, answer.text  # 404: `demo` has none of this kind
    refused = ask(callers["storage"], SERVED[method_id], things)
    assert (refused.status_code, reason(refused)) == (403, "insufficientPermissions")


@pytest.mark.parametrize("method_id", MUTATIONS)
def test_scopes_that_allow_changes(
    method_id: str, callers: dict[str, Gce], things: dict[str, str], world: None
) -> None:
    """Compute and cloud-platform are not what a change fails for: here it is that nothing has that name."""
    for caller in ("full", "writer"):
        answer = ask(callers[caller], SERVED[method_id], things, name="not-there", project="nobody")
        assert answer.status_code in {400, 404}, answer.text


@pytest.mark.parametrize("method_id", SERVED)
def test_another_users_project(method_id: str, callers: dict[str, Gce], things: dict[str, str], world: None) -> None:
    """A project that is not the caller's is not there, whether it exists or not; nothing of it is shown or changed."""
    for caller, project in (("other", "demo"), ("full", "other"), ("full", "nobody")):
        answer = ask(callers[caller], SERVED[method_id], things, project)
        if answer.status_code == 200:
            assert method_id == "compute.images.list", answer.text
            assert not answer.json().get("items")
            continue
        assert answer.status_code in {400, 404}, answer.text
        assert answer.status_code == 404 or SERVED[method_id].request, answer.text
