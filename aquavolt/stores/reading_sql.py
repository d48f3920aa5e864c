"""Raw readings in SQL: each function runs on a cursor of the caller's and gives numpy columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aquavolt.stores.newest import ChannelRows
from aquavolt.stores.stretches import stretches
from metering.batch import Times

_HOUR_MS = 3_600_000
SORTED_ROWS = 1_000_000  # that many keys are sorted or hashed at once
_DISTANT_PAST, _DISTANT_FUTURE = np.datetime64("0001-01-01", "ms"), np.datetime64("9999-01-01", "ms")


def insert(cursor: Any, rows: ChannelRows, first_row: int) -> None:
    """Append the rows, numbered from `first_row` on in the order they have."""
    if not len(rows.value):
        return
    columns = {name: getattr(rows, name) for name in ("meter", "quantity", "time", "value", "quality")}
    columns["written"] = np.arange(first_row, first_row + len(rows.value), dtype=np.int64)
    cursor.register("incoming", columns)
    cursor.execute("INSERT INTO readings SELECT meter, quantity, time, value, quality, written FROM incoming")


def next_row(cursor: Any) -> int:
    """The number that the next row written gets."""
    (last,) = cursor.execute("SELECT coalesce(max(written), -1) FROM readings").fetchone()
    return int(last) + 1


def set_position(cursor: Any, name: str, position: int) -> None:
    """Remember the journal position of the cursor called `name`."""
    cursor.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", [name, position])


def position(cursor: Any, name: str) -> int:
    """The journal position of the cursor called `name`; 0 at first."""
    found = cursor.execute("SELECT position FROM positions WHERE cursor = ?", [name]).fetchone()
    return 0 if found is None else int(found[0])


def newest(cursor: Any) -> ChannelRows:
    """The newest row of each channel, by store numbers. Rows of one time come in the order they were written."""
    rows = cursor.execute(
        """
        WITH newest AS (SELECT meter, quantity, max(time) AS time FROM readings GROUP BY ALL)
        SELECT meter, quantity, time, value, quality
        FROM readings JOIN newest USING (meter, quantity, time) ORDER BY written
        """
    ).fetchnumpy()
    return ChannelRows(**rows)


def read(cursor: Any, start: np.datetime64, end: np.datetime64) -> ChannelRows:
    """Readings in [start, end) of the registered tables `wanted` (meters) and `kinds` (quantities).

    `meter` is the place in `wanted`. Ordered by place, place of the quantity, time; of each key the latest written.
    """
    rows = cursor.execute(
        """
        SELECT wanted.place AS meter, quantity, time, value, quality
        FROM readings JOIN wanted ON wanted.number = meter JOIN kinds ON kinds.number = quantity
        WHERE time >= ? AND time < ?
        ORDER BY wanted.place, kinds.place, time, written
        """,
        [start.astype("datetime64[ms]"), end.astype("datetime64[ms]")],
    ).fetchnumpy()
    found = ChannelRows(**rows)
    is_last = np.ones(len(found.value), np.bool_)
    is_last[:-1] = (
        (found.meter[1:] != found.meter[:-1])
        | (found.quantity[1:] != found.quantity[:-1])
        | (found.time[1:] != found.time[:-1])
    )
    return found if is_last.all() else ChannelRows(**{name: column[is_last] for name, column in rows.items()})


def count_distinct(cursor: Any) -> dict[int, int]:
    """Distinct (quantity, time) by meter number, counted in parts to stay within the memory limit."""
    counts: dict[int, int] = {}
    for part in stretches(*hourly_counts(cursor, None, None), SORTED_ROWS):
        rows = cursor.execute(
            """
            SELECT meter, count(*) FROM (
                SELECT DISTINCT meter, quantity, time FROM readings WHERE time >= ? AND time < ?
            ) GROUP BY meter
            """,
            [part.start, part.end],
        ).fetchall()
        for number, count in rows:
            counts[number] = counts.get(number, 0) + count
    return counts


def hourly_counts(
    cursor: Any, start: np.datetime64 | None, end: np.datetime64 | None
) -> tuple[Times, npt.NDArray[np.int64]]:
    """Hours with readings, ascending, and their rows (not freed of repeated keys)."""
    found = cursor.execute(
        f"""
        SELECT epoch_ms(time) // {_HOUR_MS} AS hour, count(*) AS readings FROM readings
        WHERE time >= ? AND time < ? GROUP BY hour ORDER BY hour
        """,  # noqa: S608 - a constant of ours, no input
        [_DISTANT_PAST if start is None else start, _DISTANT_FUTURE if end is None else end],
    ).fetchnumpy()
    return (found["hour"].astype(np.int64) * _HOUR_MS).astype("datetime64[ms]"), found["readings"].astype(np.int64)
