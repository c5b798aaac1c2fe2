"""What an operation is, and the register of works."""

import msgspec
import pytest

from gstack.errors import Problem
from gstack.operations.model import Op, Target, fault_of, harmless, work, work_name, works


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (Target("zones/z", "disks", "d"), "zones/z/disks/d"),
        (Target("global", "firewalls", "f"), "global/firewalls/f"),
        (Target("global", "projects", "p"), ""),
    ],
)
def test_a_target_has_a_path_below_its_project(target: Target, path: str) -> None:
    """The path is relative to the project, and empty for the project itself."""
    assert target.path == path


async def test_two_works_of_one_name_are_refused() -> None:
    """A name stands in the journal for one function: a second one fails at import."""

    async def first(op: Op) -> None:
        """Nothing."""

    assert work("test.model")(first) is first
    assert works()["test.model"].function is first
    with pytest.raises(ValueError, match=r"two works are named test\.model"):
        work("test.model")(first)


class Grow(msgspec.Struct, frozen=True):
    """A request of a work, with a field that came later."""

    size_gb: int
    zones: tuple[str, ...] = ()
    shrink: bool = False


async def test_a_work_gets_its_request_as_its_own_type() -> None:
    """The arguments of a row become the request; fields that an older row does not have take their defaults."""
    seen: list[Grow] = []

    async def grow(op: Op, request: Grow) -> None:  # a work's signature
        seen.append(request)

    work("test.model.grow", Grow)(grow)
    assert work_name(grow) == "test.model.grow"
    nothing: Op = None  # type: ignore[assignment]  # the work does not look at it
    await works()["test.model.grow"].perform(nothing, {"size_gb": 7, "zones": ["a"], "request": "digest"})
    assert seen == [Grow(7, ("a",))]
    with pytest.raises(msgspec.ValidationError, match="size_gb"):
        await works()["test.model.grow"].perform(nothing, {"size_gb": "seven"})


def test_a_request_leaves_the_journal_its_own_argument() -> None:
    """The journal keeps the digest of a repeated request among the arguments, so no request may use that name."""

    class Taken(msgspec.Struct):
        request: str

    with pytest.raises(ValueError, match="'request'"):
        work("test.model.taken", Taken)


def test_a_fault_is_the_outer_half_of_a_problem() -> None:
    """Code, message and location are shown, the inside is not."""
    fault = fault_of(Problem.invalid("size", "must be a number"))
    assert (fault.code, fault.location) == ("INVALID_FIELD_VALUE", "size")
    assert "must be a number" in fault.message
    assert "secret" not in repr(fault_of(Problem.internal_error("secret")))


async def test_harmless_never_finds_anything() -> None:
    """The probe of repeatable commands always says: send again."""
    assert await harmless(None) is None  # type: ignore[arg-type,func-returns-value]  # it looks at nothing
