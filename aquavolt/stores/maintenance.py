"""What the embedded store does now and then: forget old raw readings, drop superseded ones, give space back."""

from __future__ import annotations

import numpy as np

from aquavolt.stores import reading_sql
from aquavolt.stores.connection import Connection
from aquavolt.stores.stretches import Stretch, stretches
from aquavolt.stores.upkeep import Maintenance

_SUPERSEDED = """
DELETE FROM readings WHERE time >= $start AND time < $end AND written IN (
    SELECT written FROM readings WHERE time >= $start AND time < $end
    QUALIFY row_number() OVER (PARTITION BY meter, quantity, time ORDER BY written DESC) > 1
)
"""
_REPEATS = """
SELECT count(*) - count(DISTINCT (meter, quantity, time)) FROM readings WHERE time >= $start AND time < $end
"""


def maintain(connection: Connection, now: np.datetime64, raw_retention_days: float | None) -> Maintenance:
    """Remove raw readings older than the retention (days; None keeps all) and superseded ones, then checkpoint."""
    expired = 0 if raw_retention_days is None else _expire(connection, now, raw_retention_days)
    superseded = _drop_superseded(connection)
    connection.checkpoint()
    return Maintenance(expired, superseded)


def _expire(connection: Connection, now: np.datetime64, days: float) -> int:
    limit = now.astype("datetime64[ms]") - np.timedelta64(int(days * 86_400_000), "ms")
    with connection.transaction() as cursor:
        (rows,) = cursor.execute("DELETE FROM readings WHERE time < ?", [limit]).fetchone()
    return int(rows)


def _drop_superseded(connection: Connection) -> int:
    """Only the time in which rows were written since the last call is looked at; returns the rows removed."""
    with connection.query() as cursor:
        (done,) = cursor.execute("SELECT written FROM maintained").fetchone()
        until = reading_sql.next_row(cursor) - 1
        columns = cursor.execute(
            "SELECT min(time) AS first, max(time) AS last FROM readings WHERE written > ?", [done]
        ).fetchnumpy()
        if until <= done or np.ma.is_masked(columns["first"]):
            return 0
        parts = reading_sql.hourly_counts(cursor, columns["first"][0], columns["last"][0] + np.timedelta64(1, "ms"))
    removed = sum(_drop_superseded_in(connection, part) for part in stretches(*parts, reading_sql.SORTED_ROWS))
    with connection.transaction() as cursor:
        cursor.execute("UPDATE maintained SET written = ?", [until])
    return removed


def _drop_superseded_in(connection: Connection, part: Stretch) -> int:
    span = {"start": part.start, "end": part.end}
    with connection.query() as cursor:
        (repeats,) = cursor.execute(_REPEATS, span).fetchone()
    if not repeats:
        return 0
    with connection.transaction() as cursor:
        (rows,) = cursor.execute(_SUPERSEDED, span).fetchone()
    return int(rows)
