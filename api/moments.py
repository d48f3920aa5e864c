"""Times in requests: an instant with its offset, or a local day of the site."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np

from api.problems import Problem
from metering.batch import Times, to_datetime, to_ms
from metering.site import Site
from metering.windows import GRID_MS, STEP, day_edges, local_day, month_edges

STEPS = ("15min", "1h", "1d", "1mo")
MAX_WINDOWS = 100_000
_DAY_LENGTH = len("2026-11-01")
_EARLIEST, _LATEST = datetime(1970, 1, 2).date(), datetime(2200, 1, 1).date()  # noqa: DTZ001 - only their days count
_NOMINAL_MS = {"15min": GRID_MS, "1h": 4 * GRID_MS, "1d": 96 * GRID_MS, "1mo": 28 * 96 * GRID_MS}


def read_moment(text: str, site: Site, name: str) -> np.datetime64:
    """The instant of `2026-11-01T08:00:00+08:00`, or the local midnight that begins `2026-11-01`, in UTC.

    Raises:
        Problem: 422, naming the parameter.
    """
    try:
        if len(text) == _DAY_LENGTH:
            day = _within(date.fromisoformat(text))
            return to_ms(datetime(day.year, day.month, day.day, tzinfo=site.zone))
        # A "+" that was not escaped in a query arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        _within(moment.date())
        return to_ms(moment)
    except (ValueError, OverflowError) as error:
        raise Problem(
            422,
            f"{name}={text!r} is no time: give 2026-11-01T08:00:00+08:00, or 2026-11-01 for the local midnight.",
            errors=[{"member": name, "message": str(error)}],
        ) from error


def read_local(text: str, site: Site, name: str) -> datetime:
    """What a browser's field for a date and time gives: `2026-11-01T08:00` on the site's clock, without an offset.

    Raises:
        Problem: 422, naming the parameter.
    """
    return to_datetime(read_moment(f"{text}+00:00", site, name)).replace(tzinfo=site.zone)


def _within(day: date) -> date:
    if not _EARLIEST <= day <= _LATEST:
        raise ValueError(f"must lie between {_EARLIEST} and {_LATEST}")
    return day


def read_range(start: str, end: str, site: Site) -> tuple[np.datetime64, np.datetime64]:
    """Both bounds.

    Raises:
        Problem: 422.
    """
    first, last = read_moment(start, site, "start"), read_moment(end, site, "end")
    if first >= last:
        raise Problem(422, f"start ({start}) must be before end ({end}).")
    return first, last


def window_edges(start: np.datetime64, end: np.datetime64, step: str, site: Site) -> Times:
    """Bounds of the windows that cover [start, end): days and months are the site's own, hours its clock's.

    Raises:
        Problem: 422, more than `MAX_WINDOWS` windows.
    """
    if (end - start) / np.timedelta64(_NOMINAL_MS[step], "ms") > MAX_WINDOWS:
        raise Problem(
            422, f"That is more than {MAX_WINDOWS} windows of {step}: ask for a shorter range or longer step."
        )
    last_moment = end - np.timedelta64(1, "ms")
    if step in ("1d", "1mo"):
        edges_of = day_edges if step == "1d" else month_edges
        return edges_of(local_day(start, site.zone), local_day(last_moment, site.zone), site.zone)
    return _grid_edges(start, end, np.timedelta64(_NOMINAL_MS[step], "ms"), _offset(start, site))


def _offset(moment: np.datetime64, site: Site) -> np.timedelta64:
    offset = to_datetime(moment).astimezone(site.zone).utcoffset() or timedelta(0)
    # Zones of the past were not on the 15 min grid; the store is.
    return np.timedelta64(round(offset / timedelta(minutes=15)) * GRID_MS, "ms")


def _grid_edges(start: np.datetime64, end: np.datetime64, width: np.timedelta64, offset: np.timedelta64) -> Times:
    """Edges on multiples of the width on the site's clock."""
    origin = np.datetime64(0, "ms") - offset
    first = origin + (start - origin) // width * width
    last = origin - (origin - end) // width * width
    return np.arange(first, last + STEP, width, dtype="datetime64[ms]")
