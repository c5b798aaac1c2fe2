"""Every test here runs on SQLite and on PostgreSQL."""

from fixtures.databases import database_url, engine, postgresql_server

__all__ = ["database_url", "engine", "postgresql_server"]
