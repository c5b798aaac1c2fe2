"""gstack.auth.oauth.id_tokens: tokens that we sign."""

import asyncio
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.keys.sealing import Seal
from gstack.auth.oauth.id_tokens import FILE, IdTokens
from gstack.auth.store import Store
from gstack.db.engine import create_engine, reading
from gstack.db.tables import signing_keys

SEAL = Seal([Fernet.generate_key().decode()])


def id_tokens(engine: AsyncEngine, home: Path) -> IdTokens:
    return IdTokens(Store(engine), SEAL, "https://localhost:5000", home)


async def test_a_token_is_checked_with_the_published_key(engine: AsyncEngine, tmp_path: Path) -> None:
    """The published key verifies a token, which is valid for an hour."""
    signer = id_tokens(engine, tmp_path)
    published: Any = await signer.public_keys()
    token = jwt.decode(await signer.sign("client", "a@b.c", "42"), KeySet.import_key_set(published))
    claims = token.claims
    assert (claims["aud"], claims["email"], claims["sub"]) == ("client", "a@b.c", "42")
    assert claims["exp"] - claims["iat"] == 3600
    assert token.header["alg"] == "RS256"


async def test_replicas_share_the_key_by_themselves(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    """If several processes need the key first at the same time, one creates it and all use it."""
    engines = [create_engine(database_url) for _ in range(3)]
    signers = [id_tokens(own, tmp_path / str(number)) for number, own in enumerate(engines)]
    published = await asyncio.gather(*(one.public_keys() for one in signers))
    assert published == [published[0]] * 3
    assert await id_tokens(engine, tmp_path).public_keys() == published[0]
    for own in engines:
        await own.dispose()


async def test_the_key_is_sealed(engine: AsyncEngine, tmp_path: Path) -> None:
    """The key in the database can be opened only with the sealing key."""
    await id_tokens(engine, tmp_path).public_keys()
    async with reading(engine) as connection:
        sealed = (await connection.execute(select(signing_keys.c.sealed_key))).scalar_one()
    assert b"PRIVATE" not in sealed
    assert "PRIVATE KEY" in SEAL.open(sealed)


async def test_the_file_of_an_earlier_version_is_brought_along(engine: AsyncEngine, tmp_path: Path) -> None:
    """`identity.key` moves into the database, so that id tokens stay valid after the update."""
    old = RSAKey.generate_key(2048)
    (tmp_path / FILE).write_bytes(old.as_pem(private=True))
    published: Any = await id_tokens(engine, tmp_path).public_keys()
    assert published["keys"][0]["n"] == old.as_dict(private=False)["n"]
    assert not (tmp_path / FILE).exists()
