"""Every test of the journal runs on SQLite and on PostgreSQL, against the sandbox."""

from fixtures.databases import database_url, engine, postgresql_server
from fixtures.journals import bench, cloud

__all__ = ["bench", "cloud", "database_url", "engine", "postgresql_server"]
