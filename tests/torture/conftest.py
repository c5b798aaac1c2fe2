"""Products to torture: one that dies and comes again, made anew after a test that left it in a mess."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any, cast

import pytest

from fixtures.mortal import TIMES, free_port, mortal_stack
from fixtures.postgresql import database_of
from fixtures.servers import RunningApp, Stack, stack
from gstack.config import CloudStackSettings, ServerSettings, Settings
from torture.cloud import Cloud, ask
from torture.journey import Traveller
from torture.scenarios import BASIC, EAST, SECOND, delete, done, instances, of_image, plain, post, there


def warm(traveller: Traveller) -> Traveller:
    """Make what the first instance of a zone leaves (networks, groups), and what a project keeps for good."""
    for zone in (BASIC, EAST):
        done(post(instances(zone), plain(zone)), delete(there(zone)))(traveller.gce)
        done(of_image(zone), delete(f"zones/{zone}/disks/torture-disk"))(traveller.gce)
    _second_network(traveller.product)
    tier = post("setDefaultNetworkTier", {"networkTier": "PREMIUM"})
    east, card = there(EAST), {"network": SECOND}
    done(post(instances(EAST), plain(EAST)), post(f"{east}/addNetworkInterface", card), delete(east))(traveller.gce)
    done(post("setCommonInstanceMetadata", {"items": []}), tier)(traveller.gce)
    return traveller


def _second_network(product: Stack) -> None:
    zone = ask(product, "listZones", name=EAST)["zone"][0]["id"]
    kind = "DefaultIsolatedNetworkOfferingWithSourceNatService"
    offering = ask(product, "listNetworkOfferings", name=kind)["networkoffering"][0]["id"]
    ask(product, "createNetwork", name="second", displaytext="second", zoneid=zone, networkofferingid=offering)


def renewed(opened: ExitStack, product: Callable[[], AbstractContextManager[Stack]]) -> Callable[[], Traveller]:
    """Give the traveller on a product that works: the one of the last test, or another where that left a mess."""
    known: list[Traveller] = []

    def current() -> Traveller:
        if not known or not known[-1].whole:
            references = known[-1].references if known else {}
            known.append(warm(Traveller(opened.enter_context(product()), references)))
        return known[-1]

    return current


@pytest.fixture(scope="module")
def mortals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Traveller]]:
    with ExitStack() as opened:
        yield renewed(opened, lambda: mortal_stack(tmp_path_factory.mktemp("home")))


@pytest.fixture
def mortal(mortals: Callable[[], Traveller]) -> Traveller:
    """A gateway that can be killed, and a sandbox that goes on."""
    return mortals()


@pytest.fixture(scope="module")
def lastings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Traveller]]:
    called = tmp_path_factory.mktemp("called") / "called"
    with ExitStack() as opened:
        yield renewed(
            opened,
            lambda: stack(tmp_path_factory.mktemp("home"), called, port=free_port(), operations=TIMES, job_delay=0.03),
        )


@pytest.fixture
def lasting(lastings: Callable[[], Traveller]) -> Iterator[Traveller]:
    """A gateway in this process, every answer of which must be Google's."""
    traveller = lastings()
    before = len(traveller.product.app.witness.faults)
    yield traveller
    faults = traveller.product.app.witness.faults[before:]
    assert not faults, "answers that are not Google's:\n" + "\n".join(faults)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A sandbox with its state in a file, in a process that can be killed."""
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def cloudy(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traveller]:
    """A gateway in front of that sandbox."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(
        home=home,
        database=database_of(home),
        server=ServerSettings(port=free_port()),
        cloudstack=CloudStackSettings(endpoint=cloud.url, reference_seconds=1.0),
        operations=TIMES,
    )
    app = RunningApp(settings, home / "called")
    app.start()
    yield warm(Traveller(Stack(app, cast("Any", None), cloud.accounts, settings), {}))
    app.stop()
