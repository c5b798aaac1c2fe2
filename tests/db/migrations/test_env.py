"""The migrations make exactly the tables that tables.py names."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

import gstack.db.migrations
from gstack.db.tables import SCHEMA, metadata


async def test_migrations_make_the_tables(engine: AsyncEngine) -> None:
    """The migrated schema is that of tables.py: no column, type, index or key differs."""

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def test_the_newest_revision_is_the_one_that_tables_name() -> None:
    """`SCHEMA`, which lets a start skip Alembic, is Alembic's head."""
    config = Config()
    config.set_main_option("script_location", str(Path(gstack.db.migrations.__path__[0])))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA
