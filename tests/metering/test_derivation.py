"""Registers to intervals: exact sums, and every odd step told apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.batch import Quality, ReadingBatch, batch_of, concatenate
from metering.derivation import Derived, IntervalDerivation
from metering.quantities import BY_NAME
from metering.register_event import RegisterEventKind as Kind
from metering.site import Site
from metering.site_document import parse_site

WATER, FLOW = BY_NAME["water_volume"].code, BY_NAME["flow_rate"].code
MINUTE = 60_000
QUARTER = 15 * MINUTE
T0 = int(np.datetime64("2026-03-01T00:00", "ms").astype(np.int64))


def site(**meter: object) -> Site:
    return parse_site(
        {
            "site": {"id": "s", "timezone": "Asia/Shanghai"},
            "nodes": [{"id": "c", "kind": "campus"}],
            "meters": [{"id": "w", "medium": "water", "node": "c", **meter}, {"id": "v", "medium": "water"}],
        }
    )


def readings(minutes, values, meter: str = "w", quantity: int = WATER) -> ReadingBatch:
    times = np.array([T0 + int(m * MINUTE) for m in minutes]).view("datetime64[ms]")
    return batch_of((meter,), [0] * len(values), quantity, times, values)


def usage(*results: Derived, meter: str = "w") -> dict[int, float]:
    """Latest usage by cell number since T0."""
    out = {}
    for result in results:
        batch = result.intervals
        for i in range(len(batch)):
            if batch.meters[batch.meter[i]] == meter:
                out[(int(batch.start[i].astype(np.int64)) - T0) // QUARTER] = float(batch.usage[i])
    return out


def kinds(*results: Derived) -> list[Kind]:
    return [e.kind for r in results for e in r.events if e.kind is not Kind.HELD]


def test_a_reading_off_the_grid_is_shared_between_the_cells_by_time():
    got = usage(IntervalDerivation(site()).push(readings([0, 10, 20, 30], [5, 6, 8, 8])))
    assert got == {0: pytest.approx(2.0), 1: pytest.approx(1.0)}


def test_the_first_cell_is_given_only_when_it_is_known_from_its_beginning():
    assert usage(IntervalDerivation(site()).push(readings([7, 22, 37], [0, 1, 2]))) == {1: pytest.approx(1.0)}


def test_a_gap_is_spread_evenly_and_flagged_and_the_total_stays_exact():
    minutes = [*range(0, 150, 15), 240, 255]
    values = [*range(10), 21.0, 22.0]
    result = IntervalDerivation(site()).push(readings(minutes, values))
    got = usage(result)
    assert [got[i] for i in range(9, 16)] == pytest.approx([12 / 7] * 7)
    assert sum(got.values()) == pytest.approx(22.0)
    estimated = {int(c) for c in np.flatnonzero(result.intervals.quality & Quality.ESTIMATED)}
    assert estimated == set(range(9, 16))


def test_hourly_readings_are_no_gaps():
    result = IntervalDerivation(site()).push(readings(range(0, 60 * 48, 60), np.arange(48.0)))
    assert len(result.intervals) == 47 * 4
    assert not (result.intervals.quality & Quality.ESTIMATED).any()


@pytest.mark.parametrize(
    ("meter", "values", "kind", "known"),
    [
        pytest.param(
            {"register_digits": 4}, [9998, 9999, 0.5, 1.5], Kind.ROLLOVER, {1: 1, 2: 1.5, 3: 1}, id="rollover"
        ),
        pytest.param({}, [4000, 4001, 0.0, 1.0], Kind.RESET, {1: 1, 3: 1}, id="reset"),
        pytest.param({}, [9998, 9999, 0.5, 1.5], Kind.RESET, {1: 1, 3: 1}, id="no width declared"),
        pytest.param({}, [90000, 90001, 40000, 40001], Kind.UNDECLARED_REPLACEMENT, {1: 1, 3: 1}, id="replaced"),
        pytest.param({}, [1000, 1001, 9e8, 9e8 + 1], Kind.UNDECLARED_REPLACEMENT, {1: 1, 3: 1}, id="jump stays"),
        pytest.param({}, [1000, 1001, 9e8, 1003], Kind.GLITCH, {1: 1, 2: 1, 3: 1}, id="jump falls back"),
        pytest.param({}, [1000, 1001, 0.0, 1003], Kind.GLITCH, {1: 1, 2: 1, 3: 1}, id="a zero between"),
        pytest.param({}, [1000, 1001, 1000.5, 1000.7], Kind.REVERSED, {1: 1, 2: -0.5, 3: 0.2}, id="reversed"),
    ],
)
def test_odd_steps_are_told_apart(meter, values, kind, known):
    result = IntervalDerivation(site(**meter)).push(readings(range(0, 75, 15), [values[0] - 1, *values]))
    assert kinds(result) == [kind]
    assert usage(result) == pytest.approx({0: 1.0} | known)


def test_a_burst_that_goes_on_is_true_and_is_booked():
    slow = list(np.arange(0, 120) * 0.05)
    burst = [slow[-1] + 40 * (i + 1) for i in range(8)]
    minutes = [15 * i for i in range(len(slow) + len(burst))]
    result = IntervalDerivation(site()).push(readings(minutes, slow + burst))
    assert kinds(result) == [Kind.RELEASED]
    assert sum(usage(result).values()) == pytest.approx(burst[-1])


def test_a_declared_replacement_is_booked_from_its_registers():
    lives = [
        {"from": "2025-01-01T00:00:00Z", "serial": "A", "last_register": 502.0},
        {"from": "2026-03-01T00:40:00Z", "serial": "B", "first_register": 3.0},
    ]
    result = IntervalDerivation(site(lives=lives)).push(readings([0, 15, 30, 45, 60], [500, 500.5, 501, 3.5, 4]))
    assert kinds(result) == [Kind.REPLACED]
    assert usage(result) == pytest.approx({0: 0.5, 1: 0.5, 2: 1.5, 3: 0.5})


def test_late_readings_correct_the_gap_they_belong_to_and_nothing_else():
    derivation = IntervalDerivation(site())
    first = derivation.push(readings([*range(0, 105, 15), 180, 195], [0, 1, 2, 3, 4, 5, 6, 18, 19]))
    late = derivation.push(readings([120], [16]))
    assert late.corrected.all()
    assert (late.intervals.quality & Quality.LATE).all()
    got = usage(first, late)
    assert got == pytest.approx({**dict.fromkeys(range(6), 1.0), 6: 5, 7: 5, **dict.fromkeys(range(8, 12), 0.5), 12: 1})
    assert usage(derivation.push(readings([121], [99]))) == {}


def test_a_late_reading_moves_the_cell_that_is_still_open():
    derivation = IntervalDerivation(site())
    first = derivation.push(readings([*range(0, 90, 15), 130], [0, 1, 2, 3, 4, 5, 8.0]))
    late = derivation.push(readings([100], [8.0]))
    end = derivation.push(readings([135], [8.0]))
    assert sum(usage(first, late, end).values()) == pytest.approx(8.0)


def test_of_two_readings_of_one_time_the_later_stays():
    assert usage(IntervalDerivation(site()).push(readings([0, 15, 15], [0, 9, 2]))) == {0: 2.0}


def test_a_rate_stands_in_for_a_register_and_is_not_drawn_over_a_gap():
    minutes = [*range(0, 120, 15), 480, 495]
    result = IntervalDerivation(site()).push(readings(minutes, [4.0] * len(minutes), quantity=FLOW))
    got = usage(result)
    assert got == pytest.approx({**dict.fromkeys(range(7), 1.0), 32: 1.0})


def test_a_meter_with_a_register_ignores_its_rate():
    both = concatenate([readings([0, 15], [4, 4], quantity=FLOW), readings([0, 15], [0, 7])])
    assert usage(IntervalDerivation(site()).push(both)) == {0: 7.0}


def test_an_unknown_meter_is_passed_over():
    assert len(IntervalDerivation(site()).push(readings([0, 15], [0, 1], meter="nobody")).intervals) == 0


STEP = st.tuples(
    st.integers(1, 50), st.sampled_from(["up"] * 12 + ["glitch", "reset", "jump"]), st.floats(0, 3, allow_nan=False)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, min_size=3, max_size=60), st.lists(st.integers(1, 60), max_size=8))
def test_the_same_readings_give_the_same_intervals_however_they_are_cut(steps, cuts):
    minute, register, minutes, values = 0, 5000.0, [], []
    for distance, what, amount in steps:
        minute += distance
        if what == "reset":
            register = 0.0
        register += 1e7 if what == "jump" else amount
        minutes.append(minute)
        values.append(0.25 if what == "glitch" else register)
    batch = readings(minutes, values)
    whole = IntervalDerivation(site())
    expected = whole.push(batch)
    cut = IntervalDerivation(site())
    bounds = sorted({0, len(batch), *(c for c in cuts if c < len(batch))})
    parts = []
    for a, b in pairwise(bounds):
        parts.append(cut.push(batch.take(np.arange(a, b))))
        fresh = IntervalDerivation(site())
        fresh.restore(cut.state())
        cut = fresh
    assert usage(*parts) == usage(expected)
    assert [e for p in parts for e in p.events] == list(expected.events)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0, 2)), min_size=2, max_size=50))
def test_the_sum_of_the_cells_is_the_difference_of_the_register(steps):
    minutes = np.cumsum([0, *(s[0] for s in steps)])
    values = np.cumsum([100.0, *(s[1] for s in steps)])
    result = IntervalDerivation(site()).push(readings(minutes, values))
    last = int(minutes[-1]) // 15 * 15
    between = np.interp([0, last], minutes, values)
    assert sum(usage(result).values()) == pytest.approx(between[1] - between[0], abs=1e-9)


def test_what_a_frozen_register_shows_when_it_moves_again_is_true():
    slow = np.arange(200) * 0.2
    still = [slow[-1]] * 800
    after = slow[-1] + 160 + 0.2 * np.arange(6)
    values = [*slow, *still, *after]
    result = IntervalDerivation(site()).push(readings(range(0, 15 * len(values), 15), values))
    assert kinds(result) == [Kind.RELEASED]
    assert sum(usage(result).values()) == pytest.approx(values[-1])


def test_a_reading_that_came_late_is_no_glitch_when_the_register_stays():
    # 20 m3 in a quarter of an hour is too much for this meter, in half an hour it is not.
    slow = list(np.arange(120) * 0.1)
    values = [*slow, slow[-1] + 10, slow[-1] + 10.1]
    result = IntervalDerivation(site()).push(readings(range(0, 15 * len(values), 15), values))
    assert kinds(result) == [Kind.RELEASED]


def test_an_odd_step_is_known_when_the_next_reading_decides_it():
    result = IntervalDerivation(site()).push(readings(range(0, 75, 15), [3999, 4000, 4001, 0.0, 1.0]))
    times = [(int(e.time.astype(np.int64)) - T0) // MINUTE for e in result.events]
    assert [e.kind for e in result.events] == [Kind.HELD, Kind.RESET]
    assert times == [45, 60]


# -- readings that contradict each other -------------------------------------------------------------------------------


def test_two_values_of_one_time_are_told_and_the_later_counts():
    derivation = IntervalDerivation(site())
    got = derivation.push(readings([0, 15, 15, 30], [5, 6, 6.5, 7]))
    assert (kinds(got), usage(got)) == ([Kind.CONFLICT], {0: pytest.approx(1.5), 1: pytest.approx(0.5)})
    (event,) = got.events
    assert (event.meter, event.before, event.after) == ("w", 6, 6.5)
    assert kinds(derivation.push(readings([30], [7.4]))) == [Kind.CONFLICT], "also of what was accepted before"


def test_the_same_again_is_no_contradiction():
    derivation = IntervalDerivation(site())
    assert (
        kinds(derivation.push(readings([0, 15, 15, 30, 15], [5, 6, 6, 7, 6])), derivation.push(readings([30], [7])))
        == []
    )


def test_a_clock_that_goes_back_is_told():
    assert kinds(IntervalDerivation(site()).push(readings([0, 15, 5, 30], [5, 6, 6.2, 6.4])))[0] is Kind.CLOCK_BACK
    derivation = IntervalDerivation(site())
    assert kinds(derivation.push(readings([0, 15, 30], [5, 6, 7])), derivation.push(readings([20], [7.1]))) == [
        Kind.CLOCK_BACK
    ]


def test_what_comes_late_from_before_a_reset_is_no_clock_that_goes_back():
    derivation = IntervalDerivation(site())
    reset = derivation.push(readings([0, 15, 45, 60, 75], [5000, 5001, 0, 0.5, 1]))
    assert kinds(reset) == [Kind.RESET]
    assert kinds(derivation.push(readings([30], [5002]))) == []


def test_newest_first_is_no_clock_that_goes_back():
    assert kinds(IntervalDerivation(site()).push(readings([45, 30, 15, 0], [8, 7, 6, 5]))) == []


def test_a_pace_beyond_all_pipes_is_never_booked_however_long_it_goes_on():
    derivation, steady = IntervalDerivation(site()), np.arange(100) * 0.1
    derivation.push(readings(np.arange(100) * 15, steady))
    got = derivation.push(readings(1500 + np.arange(20) * 15, 10 + 1e6 * np.arange(1, 21)))
    assert Kind.RELEASED not in kinds(got)
    assert sum(usage(got).values()) < 1
