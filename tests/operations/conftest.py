"""Every test of the journal runs on SQLite and on PostgreSQL, against the sandbox."""

from fixtures.journals import bench, cloud

__all__ = ["bench", "cloud"]
