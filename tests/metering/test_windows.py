"""Days and months of the site's clock."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from metering.windows import day_edges, local_day, month_edges, offset_minutes, step_of


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Shanghai", date(2026, 3, 29), 24),
        ("Asia/Kathmandu", date(2026, 1, 1), 24),
    ],
)
def test_a_local_day_has_the_hours_its_clock_gives_it(zone, day, hours):
    edges = day_edges(day, day, ZoneInfo(zone))
    assert edges[1] - edges[0] == np.timedelta64(hours, "h")


def test_a_day_of_nepal_begins_at_a_quarter_past():
    assert day_edges(date(2026, 1, 1), date(2026, 1, 1), ZoneInfo("Asia/Kathmandu"))[0] == np.datetime64(
        "2025-12-31T18:15"
    )


def test_months_cross_the_year():
    edges = month_edges(date(2026, 12, 5), date(2027, 1, 5), ZoneInfo("Asia/Shanghai"))
    assert [local_day(e, ZoneInfo("Asia/Shanghai")) for e in edges] == [
        date(2026, 12, 1),
        date(2027, 1, 1),
        date(2027, 2, 1),
    ]


def test_the_local_clock_is_known_at_each_step():
    step = step_of(np.datetime64("2026-03-29T00:45"))
    assert offset_minutes(np.array([step, step + 1]), ZoneInfo("Europe/Berlin")).tolist() == [60, 120]
