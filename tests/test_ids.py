"""Google's numeric ids."""

from hypothesis import given
from hypothesis import strategies as st

from gstack.ids import gce_id


@given(st.text())
def test_gce_id_is_a_positive_int64_as_a_string(uuid: str) -> None:
    """Clients parse ids as int64, and 0 means unset to them."""
    number = gce_id(uuid)
    assert 0 < int(number) < 2**63
    assert number == str(int(number)) == gce_id(uuid)


def test_gce_id_never_changes() -> None:
    """Ids are stored by clients, so a uuid has the same id in every version of gstack."""
    assert gce_id("0b1c8a52-6d8f-4d0c-9d2f-1f6a6a1f0001") == "2355117590803313279"
