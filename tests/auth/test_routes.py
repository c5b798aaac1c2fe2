"""gstack.auth.routes: every path of the OAuth2 server."""

from auth.room import Room
from gstack.auth.addresses import AUTH_PATHS, REVOKE_PATHS, TOKEN_PATHS
from gstack.auth.routes import TOKENINFO_PATHS, USERINFO_PATHS


async def test_wrong_verbs_are_told_so(room: Room) -> None:
    """Every path exists, and answers 405 to a verb that it does not have."""
    for path in (*AUTH_PATHS, *TOKEN_PATHS, *REVOKE_PATHS, *USERINFO_PATHS, *TOKENINFO_PATHS):
        assert (await room.http.simulate_delete(path)).status_code == 405, path
    assert (await room.http.simulate_get("/oauth2/token")).status_code == 405
