"""A row of another system's table as readings."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from collector.pull.form import Form, read_row
from metering.quantities import BY_CODE

CST = ZoneInfo("Asia/Shanghai")
LATEST = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
METERS = {"0012": "e-101", "12": "e-102"}
WIDE = Form(
    METERS, CST, "表号", "时间", {"电量": "active_energy_import", "水量": "water_volume"}, scale={"water_volume": 0.001}
)
LONG = Form(METERS, CST, quantity="what", value="reading", quality="q")


def read(row, form=WIDE):
    readings, faults = read_row(row, form, LATEST)
    shown = [(r.meter, BY_CODE[r.code].name, datetime.fromtimestamp(r.ms / 1000, UTC), r.value) for r in readings]
    return shown, [(f.kind, str(f)) for f in faults]


def test_a_wide_row_gives_a_reading_a_column_with_a_value_on_the_site_s_clock():
    at = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    row = {"表号": " 0012 ", "时间": "2026-11-23 08:30:00", "电量": "12.5", "水量": "", "备注": "x"}
    assert read(row) == ([("e-101", "active_energy_import", at, 12.5)], [])
    assert read(row | {"水量": "2500"})[0][1] == ("e-101", "water_volume", at, 2.5)
    assert read(row | {"时间": "2026-11-23T00:30:00Z"})[0][0][2] == at


def test_one_bad_value_of_a_wide_row_leaves_the_other():
    taken, faults = read({"表号": "12", "时间": "2026-11-23 08:30", "电量": "—", "水量": "1000"})
    assert [t[1] for t in taken] == ["water_volume"]
    assert [kind for kind, _ in faults] == ["no number"]


def test_a_database_gives_numbers_and_times_of_its_own():
    row = {"表号": 12, "时间": datetime(2026, 11, 23, 8, 30), "电量": Decimal("12.50"), "水量": None}  # noqa: DTZ001
    assert read(row) == ([("e-102", "active_energy_import", datetime(2026, 11, 23, 0, 30, tzinfo=UTC), 12.5)], [])
    assert read(row | {"表号": 12.0})[0][0][0] == "e-102"


def test_a_long_row_names_its_quantity():
    row = {"meter": "0012", "time": "2026-11-23 08:30", "what": "active_power", "reading": "-1e-1", "q": "1"}
    readings, faults = read_row(row, LONG, LATEST)
    assert ([(r.value, r.quality) for r in readings], faults) == ([(-0.1, 1)], [])


@pytest.mark.parametrize(
    ("form", "time"),
    [
        ("%Y/%m/%d %H:%M", "2026/11/23 8:30"),
        ("unix", "1795393800"),
        ("unix_ms", "1795393800000"),
        ("", "20261123T083000"),
    ],
)
def test_times_are_written_in_many_ways(form, time):
    one = Form(METERS, CST, values={"v": "water_volume"}, time_format=form)
    (taken,), _ = read({"meter": "12", "time": time, "v": 1}, one)
    assert taken[2] == datetime(2026, 11, 23, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"表号": "9999"}, "unknown meter"), ({"表号": None}, "unknown meter"), ({"时间": "noon"}, "no time"),
        ({"时间": ""}, "no time"), ({"时间": "2026-13-01"}, "no time"), ({"时间": "2026-11-24 08:00"}, "wrong clock"),
        ({"时间": "1900-01-01"}, "wrong clock"), ({"时间": "0001-01-01T00:00:00+14:00"}, "wrong clock"),
        ({"电量": "nan"}, "no number"), ({"电量": True}, "no number"), ({"电量": "1,234"}, "no number"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_said(change, kind):
    taken, faults = read({"表号": "0012", "时间": "2026-11-23 08:30", "电量": "1"} | change)
    assert (taken, [k for k, _ in faults]) == ([], [kind])


def test_of_long_rows_the_quantity_and_quality_must_be_known():
    row = {"meter": "12", "time": "2026-11-23 08:30", "what": "kwh", "reading": "1"}
    assert [k for k, _ in read(row, LONG)[1]] == ["unknown quantity"]
    for quality in ("300", "-1", "9" * 5000):
        assert [k for k, _ in read(row | {"what": "active_power", "q": quality}, LONG)[1]] == ["no quality"]
    large = Form(METERS, CST, values={"v": "water_volume"}, scale={"water_volume": 1000.0})
    assert [k for k, _ in read({"meter": "12", "time": "2026-11-23 08:30", "v": "1e308"}, large)[1]] == ["no number"]
    unix = Form(METERS, CST, values={"v": "water_volume"}, time_format="unix")
    assert [k for k, _ in read({"meter": "12", "time": "1e300", "v": 1}, unix)[1]] == ["no time"]
