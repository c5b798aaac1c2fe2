"""gstack.auth.auth: what the other rooms are handed."""

from sqlalchemy import update

from auth.room import Room
from gstack.auth.auth import Auth
from gstack.auth.keys.credentials import credential_id_of
from gstack.auth.store import now
from gstack.db.tables import credentials


async def test_the_runner_gets_key_pairs(room: Room) -> None:
    """A credential's pair comes back by its id, revoked or not, also after a restart; an unknown id gives None."""
    await room.token("client_credentials", room.demo)
    async with room.engine.begin() as connection:
        await connection.execute(update(credentials).values(revoked=now()))
    restarted = Auth(room.engine, room.auth.cloudstack, room.auth.settings)
    assert await restarted.key_pair(credential_id_of(room.demo)) == room.demo
    assert await restarted.key_pair("unknown") is None


async def test_tokens_survive_a_restart(room: Room) -> None:
    """A new process on the same folder and database takes the tokens of the old one, and signs with the same key."""
    token = (await room.token("client_credentials", room.demo)).json["access_token"]
    restarted = Auth(room.engine, room.auth.cloudstack, room.auth.settings)
    assert await restarted.id_tokens.public_keys() == await room.auth.id_tokens.public_keys()
    room.auth.guard.forget()
    assert (await room.who(token)).status_code == 200
