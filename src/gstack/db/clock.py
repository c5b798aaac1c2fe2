"""The database's own clock, in SQL. Replicas, whose own clocks differ, compare times by it."""

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class database_clock(FunctionElement[float]):  # noqa: N801  # named like the SQL function that it is
    """Seconds since the epoch, with a fraction, when the statement runs."""

    type = Double()
    inherit_cache = True


@compiles(database_clock, "sqlite")
def _sqlite(_element: database_clock, _compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_clock, "postgresql")
def _postgresql(_element: database_clock, _compiler: Any, **_: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS double precision)"
