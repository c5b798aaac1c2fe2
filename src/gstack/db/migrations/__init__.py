"""The history of the tables, for Alembic: `env.py` runs it, `versions/` holds one file per revision.

To change a table: change db/tables.py, add a revision that makes the same change, raise `tables.SCHEMA`.
A test compares both.
"""
