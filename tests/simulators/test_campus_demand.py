"""The campus lives like one: quotas, nights, weeks, seasons, and water that adds up."""

import itertools
from datetime import date
from functools import cache

import numpy as np
import pytest

from simulators.campus.campus import Campus, build_campus
from simulators.campus.demand import Demand
from simulators.campus.layout import build_layout
from simulators.campus.school_year import DayKind, day_kind, day_number, school_year

LAYOUT = build_layout(1)
DEMAND = Demand(1, LAYOUT)
INDEX = LAYOUT.meter_index
WORKDAYS = [day_number(date(2026, 11, d)) for d in (3, 4, 10, 11, 17, 18)]


@cache
def _total(day: int) -> np.ndarray:
    return DEMAND.day(day).sum(axis=1)


def _daily(meter: str, days: list[int]) -> float:
    return float(np.mean([_total(d)[INDEX[meter]] for d in days]))


def test_about_150_meters_each_with_at_most_one_of_a_medium_at_a_place():
    assert 145 <= len(LAYOUT.meters) <= 160
    assert len({(m.node, m.medium) for m in LAYOUT.meters}) == len(LAYOUT.meters)


@pytest.mark.parametrize("dorm", LAYOUT.dormitories, ids=lambda d: d.id)
def test_a_bed_uses_what_the_code_plans_for(dorm):
    """GB 50015-2019, table 3.2.2: 100 to 200 L a bed on the fullest day in dormitories; ordinary days stay below it."""
    litres = _daily(f"w-{dorm.id}", WORKDAYS) * 1000 / dorm.all_beds
    assert 80 <= litres <= 160


def test_rooms_use_what_rooms_use_and_differ():
    kwh = np.array([_daily(f"e-{r.id}", WORKDAYS) for r in LAYOUT.rooms()])
    assert 2.0 < np.median(kwh) < 5.0  # 60 to 150 kWh a month, without air conditioning
    low, high = np.percentile(kwh, [10, 90])
    assert 1.7 < high / low < 4.0
    assert kwh.max() / np.median(kwh) < 3.5


def test_a_healthy_floor_stands_still_for_many_quarters_of_an_hour_each_night():
    rows = [INDEX[f"w-{f.id}"] for f in LAYOUT.floors()]
    for day in WORKDAYS:
        night = DEMAND.day(day)[rows, 60:300].reshape(len(rows), 16, 15).sum(axis=2)
        assert ((night < 0.0005).sum(axis=1) >= 1).all()
        assert (night < 0.0005).mean() > 0.35


def test_nights_weekends_and_vacations_are_quieter():
    day = np.mean([DEMAND.day(d) for d in WORKDAYS], axis=0)
    teaching = day[INDEX["w-teaching"]]
    assert teaching[9 * 60 : 12 * 60].sum() > 50 * teaching[60 : 4 * 60].sum()
    sunday, vacation = day_number(date(2026, 11, 15)), day_number(date(2027, 2, 8))
    assert _daily("e-teaching", [sunday]) < 0.7 * _daily("e-teaching", WORKDAYS)
    assert _daily("w-dorm-1", [vacation]) < 0.3 * _daily("w-dorm-1", WORKDAYS)


def test_a_heat_wave_is_in_all_rooms_at_once():
    hot, mild = day_number(date(2026, 6, 24)), day_number(date(2026, 5, 13))
    rows = [INDEX[f"e-{r.id}"] for r in LAYOUT.rooms()]
    more = DEMAND.day(hot)[rows].sum(axis=1) / DEMAND.day(mild)[rows].sum(axis=1)
    assert np.median(more) > 1.2


@pytest.mark.parametrize("day", [WORKDAYS[0], day_number(date(2026, 7, 15)), day_number(date(2026, 10, 4))])
def test_what_flows_into_a_meter_comes_out_below_it(day):
    usage = DEMAND.day(day)
    assert (usage >= 0).all()
    for row, meter in enumerate(LAYOUT.meters):
        children = [i for i, p in enumerate(LAYOUT.parent_index) if p == row]
        if children:
            own = usage[row] - usage[children].sum(axis=0)
            assert own.min() > -1e-9, meter.id
            unmetered = own.sum() / usage[row].sum()
            most = {"campus": 0.25}.get(meter.node, 0.12 if meter.medium == "water" else 1e-9)
            assert unmetered < most, meter.id


def test_meters_agree_within_their_class(healthy: Campus):
    first, last = (healthy.registers(healthy.start + np.timedelta64(d, "D")) for d in (0, 7))
    counted = last - first
    for dorm in healthy.layout.dormitories:
        floors = [INDEX[f"w-{p.id}"] for p in healthy.layout.floors() if p.parent == dorm.id]
        assert counted[INDEX[f"w-{dorm.id}"]] == pytest.approx(counted[floors].sum(), rel=0.04)


def test_registers_only_rise_and_in_whole_steps(healthy: Campus):
    moments = [healthy.start + np.timedelta64(m * 97, "m") for m in range(80)]
    shown = np.array([healthy.registers(m) for m in moments])
    assert (np.diff(shown, axis=0) >= 0).all()
    for row, meter in enumerate(healthy.layout.meters):
        steps = shown[:, row] * meter.instrument.size.counts_per_unit
        # float32 of an electricity register of 40,000 kWh is 0.4 of a step of 0.01 kWh off at most.
        assert np.abs(steps - np.round(steps)).max() < (0.41 if meter.medium == "electricity" else 1e-6), meter.id


def test_the_first_day_begins_at_the_first_register(healthy: Campus):
    shown = healthy.registers(healthy.start)
    first = np.array([m.instrument.first_register for m in healthy.layout.meters])
    assert np.allclose(shown, first, atol=0.005)


def test_gains_stay_within_the_class_and_differ():
    for seed in range(5):
        for meter in build_layout(seed).meters:
            assert abs(meter.instrument.gain - 1) <= meter.instrument.size.gain_limit + 1e-9
    assert len({m.instrument.gain for m in LAYOUT.meters}) > 140


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 10, 1), DayKind.HOLIDAY),
        (date(2026, 10, 4), DayKind.HOLIDAY),  # a Sunday inside the holiday
        (date(2026, 10, 10), DayKind.WORKDAY),  # a Saturday that makes up for it
        (date(2026, 11, 14), DayKind.WEEKEND),
        (date(2026, 11, 16), DayKind.WORKDAY),
        (date(2026, 2, 17), DayKind.VACATION),
        (date(2026, 7, 20), DayKind.VACATION),
    ],
)
def test_day_kinds(day, kind):
    assert day_kind(day) is kind


@pytest.mark.parametrize("autumn", range(2020, 2040))
def test_school_years_have_terms_and_vacations_without_a_gap(autumn):
    year, following = school_year(autumn), school_year(autumn + 1)
    stretches = [year.terms[0], year.vacations[0], year.terms[1], year.vacations[1], following.terms[0]]
    for before, after in itertools.pairwise(stretches):
        assert (after.first - before.last).days == 1
    assert 110 <= (year.terms[1].last - year.terms[1].first).days <= 160
    assert 24 <= (year.vacations[0].last - year.vacations[0].first).days <= 50
    assert 50 <= (year.vacations[1].last - year.vacations[1].first).days <= 80


def test_wrong_campus_is_refused():
    with pytest.raises(ValueError, match="0 or more, not -1"):
        build_campus(-1, date(2026, 3, 9))
    with pytest.raises(ValueError, match="at least one day"):
        build_campus(1, date(2026, 3, 9), days=0)
