"""Products to torture: one that dies and comes again, made anew after a test that left it in a mess."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from fixtures.mortal import mortal_stack
from torture.journey import Traveller
from torture.scenarios import BASIC, EAST, delete, done, instances, plain, post, there


def warm(traveller: Traveller) -> Traveller:
    """Make what the first instance of a zone leaves (networks, groups), and what a project keeps for good."""
    for zone in (BASIC, EAST):
        done(post(instances(zone), plain(zone)), delete(there(zone)))(traveller.gce)
    tier = post("setDefaultNetworkTier", {"networkTier": "PREMIUM"})
    done(post("setCommonInstanceMetadata", {"items": []}), tier)(traveller.gce)
    return traveller


@pytest.fixture(scope="module")
def mortals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Traveller]]:
    """The traveller on a product that works: the one of the last test, or another."""
    with ExitStack() as opened:
        known: list[Traveller] = []

        def current() -> Traveller:
            if not known or not known[-1].whole:
                product = opened.enter_context(mortal_stack(tmp_path_factory.mktemp("home")))
                known.append(warm(Traveller(product, known[-1].references if known else {})))
            return known[-1]

        yield current


@pytest.fixture
def mortal(mortals: Callable[[], Traveller]) -> Traveller:
    """A gateway that can be killed, and a sandbox that goes on."""
    return mortals()
