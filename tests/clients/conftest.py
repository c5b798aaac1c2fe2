"""What the tests of several clients share."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.servers import Stack

Shown = Callable[..., Any]


@pytest.fixture(scope="module")
def shown(product: Stack) -> Shown:
    """A resource as the server shows it, named as for gcloud: `shown("disks", "d", "--zone=z")`; all without a name.

    What gcloud makes of it is asked of gcloud once per collection: each of its starts costs more than a second.
    """
    gce = Gce(product)

    def showing(collection: str, name: str = "", place: str = "") -> Any:
        folder = f"zones/{place.removeprefix('--zone=')}" if place else "global"
        return gce.get(f"{folder}/{collection}/{name}") if name else gce.items(f"{folder}/{collection}")

    return showing
