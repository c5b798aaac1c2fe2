"""The names by which references call a caller's project."""

from typing import cast

import msgspec
import pytest

from gstack.resources.inventory.accounts import project_names, project_of
from gstack.resources.inventory.reader import Reader
from gstack.resources.shared.naming import gce_id


class Owner(msgspec.Struct, frozen=True):
    id: str
    name: str
    project: str | None = None


class Names(msgspec.Struct, frozen=True):
    """The parts of a Reader that name its project."""

    project: str
    owner: Owner | None


def reader(project: str, owner: Owner | None) -> Reader:
    return cast("Reader", Names(project, owner))


ACCOUNT = Owner("a-1", "demo")
PROJECT = Owner("p-1", "shop", "uuid-1")


def test_project_names() -> None:
    """A project is known by the name in the URL, its name, its number, and its uuid where CloudStack calls it one."""
    assert project_names(reader("demo", ACCOUNT)) == {"demo", gce_id("a-1")}
    assert project_names(reader(gce_id("p-1"), PROJECT)) == {"shop", gce_id("p-1"), "uuid-1"}
    assert project_names(reader("debian-cloud", None)) == {"debian-cloud"}


@pytest.mark.parametrize("named", ["", "mine", "shop", "uuid-1", gce_id("p-1")])
def test_own_project(named: str) -> None:
    """Every name of the request's project, and no name at all, becomes the one in the URL."""
    assert project_of(reader("mine", PROJECT), named) == "mine"


def test_other_project() -> None:
    """The name of another project stays as it is."""
    assert project_of(reader("mine", PROJECT), "debian-cloud") == "debian-cloud"
