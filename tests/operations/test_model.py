"""What an operation is, and the register of works."""

import pytest

from gstack.errors import Problem
from gstack.operations.model import Op, Target, fault_of, harmless, work, works


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
    assert works()["test.model"] is first
    with pytest.raises(ValueError, match=r"two works are named test\.model"):
        work("test.model")(first)


def test_a_fault_is_the_outer_half_of_a_problem() -> None:
    """Code, message and location are shown, the inside is not."""
    fault = fault_of(Problem.invalid("size", "must be a number"))
    assert (fault.code, fault.location) == ("INVALID_FIELD_VALUE", "size")
    assert "must be a number" in fault.message
    assert "secret" not in repr(fault_of(Problem.internal_error("secret")))


async def test_harmless_never_finds_anything() -> None:
    """The probe of repeatable commands always says: send again."""
    assert await harmless(None) is None  # type: ignore[arg-type,func-returns-value]  # it looks at nothing
