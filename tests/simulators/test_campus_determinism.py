"""Same seed, same campus, bit for bit, whoever asks and in whatever order."""

import hashlib
import itertools
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from metering.batch import Quality, concatenate
from metering.quantities import BY_CODE
from simulators.campus.campus import Campus, build_campus, campus_of_truth, epoch_before
from simulators.campus.demand import Demand
from simulators.campus.export import simulate_campus
from simulators.campus.layout import build_layout
from simulators.campus.schedule import LOCAL

EPOCH = date(2026, 10, 19)
DAY = np.timedelta64(1, "D")


def _readings(campus: Campus, first: float, last: float):
    start = campus.start + np.timedelta64(int(first * 86_400_000), "ms")
    end = campus.start + np.timedelta64(int(last * 86_400_000), "ms")
    return concatenate(campus.history(start, end))


def test_two_campuses_of_one_seed_give_the_same_readings():
    one, other = (_readings(build_campus(7, EPOCH), 20, 24) for _ in range(2))
    for column in ("meter", "quantity", "time", "value", "quality"):
        assert getattr(one, column).tobytes() == getattr(other, column).tobytes()
    assert one.meters == other.meters


def test_another_seed_is_another_campus():
    one, other = build_campus(7, EPOCH), build_campus(8, EPOCH)
    assert one.truth() != other.truth()
    assert not np.array_equal(one.registers(one.start + DAY), other.registers(other.start + DAY))


def test_a_day_needs_no_other_day():
    fresh, used = (Demand(3, build_layout(3)) for _ in range(2))
    for day in range(20_700, 20_705):
        used.day(day)
    assert np.array_equal(fresh.day(20_706), used.day(20_706))


def test_registers_do_not_depend_on_what_was_asked_before():
    moments = [np.timedelta64(h, "h") for h in (5, 700, 26, 840, 300, 1500)]
    asked = build_campus(2, EPOCH)
    shuffled = {m: asked.registers(asked.start + m) for m in moments}
    for moment in moments:
        fresh = build_campus(2, EPOCH)
        assert np.array_equal(fresh.registers(fresh.start + moment), shuffled[moment], equal_nan=True)


def test_history_is_the_same_however_it_is_cut(campus):
    whole = _readings(campus, 25, 27)
    cuts = [25, 25.01, 25.4, 25.999, 26.3, 27]
    parts = concatenate([_readings(campus, a, b) for a, b in itertools.pairwise(cuts)])
    assert np.array_equal(whole.time, parts.time)
    assert np.array_equal(whole.value, parts.value)


def test_history_says_what_the_live_register_says(campus):
    batch = _readings(campus, 33, 33.1)
    picked = np.linspace(0, len(batch) - 1, 200).astype(int)
    for row in picked:
        meter, name = batch.meters[batch.meter[row]], BY_CODE[int(batch.quantity[row])].name
        assert campus.register(meter, batch.time[row])[name] == batch.value[row], meter


def test_a_campus_built_again_from_its_truth_goes_on_with_the_same_registers(campus):
    again = campus_of_truth(campus.truth())
    weeks_later = campus.start + np.timedelta64(60 * 24 + 7, "h")
    assert np.array_equal(campus.registers(weeks_later), again.registers(weeks_later), equal_nan=True)
    assert again.truth() == campus.truth()


def test_an_injected_fault_changes_nothing_before_it_and_is_in_the_truth():
    campus, untouched = (build_campus(4, EPOCH, faults=()) for _ in range(2))
    start = datetime(2026, 11, 20, 10, 30, tzinfo=LOCAL)
    before, after = (np.datetime64(f"2026-11-20T{t}") for t in ("02:29", "14:30"))  # UTC
    campus.registers(after)
    fault = campus.inject("leak_inside", "dorm-2", start)
    row = campus.layout.meter_index["w-dorm-2"]
    assert np.array_equal(campus.registers(before), untouched.registers(before))
    grown = campus.registers(after)[row] - untouched.registers(after)[row]
    assert grown == pytest.approx(fault.size * 12, rel=0.10)
    assert campus.truth()["faults"] == [fault.document()]
    again = campus_of_truth(campus.truth())
    assert np.array_equal(again.registers(after), campus.registers(after))


@pytest.mark.parametrize(
    ("kind", "node", "reason"),
    [
        ("leak", "dorm-1", "allowed: leak_inside"),
        ("leak_inside", "dorm-9", "no node 'dorm-9'"),
        ("leak_toilet", "dorm-1", "is a fault of a floor"),
        ("leak_inside", "library", "has no floor meters"),
        ("unit_dead", "garden", "has no electricity meter"),
        ("leak_toilet", "dorm-2-f3", "see only their sum"),
        ("register_frozen", "dorm-2-f1", "bounds the balance"),
        ("register_reset", "dorm-3-101", "one meter can show only one"),
    ],
)
def test_what_cannot_be_injected_is_refused_with_its_reason(kind, node, reason):
    campus = build_campus(4, EPOCH, faults=())
    start = datetime(2026, 11, 20, tzinfo=LOCAL)
    campus.inject("leak_inside", "dorm-2", start)
    campus.inject("unit_dead", "dorm-3-101", start)
    with pytest.raises(ValueError, match=reason):
        campus.inject(kind, node, start + timedelta(hours=1))
    assert len(campus.faults) == 2


def test_nothing_is_known_before_the_epoch(campus):
    with pytest.raises(ValueError, match="begins at 2026-10-18T16:00"):
        campus.registers(campus.start - np.timedelta64(1, "ms"))
    with pytest.raises(ValueError, match="begins at 2026-10-18T16:00"):
        next(campus.history(campus.start - np.timedelta64(1, "s"), campus.start))


def test_the_epoch_leaves_full_days_of_history():
    now = datetime(2026, 11, 22, 23, 30, tzinfo=LOCAL)
    assert epoch_before(now) == date(2026, 10, 18)
    assert epoch_before(now + timedelta(hours=1)) == date(2026, 10, 19)


def test_readings_are_in_order_flagged_and_a_few_are_missing(campus):
    days = 4
    batches = list(campus.history(campus.start, campus.start + days * DAY))
    times = np.concatenate([b.time for b in batches])
    assert (np.diff(times).astype(int) >= 0).all()
    assert all((b.quality == Quality.SIMULATED).all() for b in batches)
    assert all(b.time[-1] - b.time[0] <= np.timedelta64(6, "h") for b in batches)
    share = len(times) / (len(campus.meters) * 96 * days)
    assert 0.990 < share < 0.995


def test_files_of_a_seed_are_the_same_bytes(tmp_path):
    names = ("site.yaml", "readings.csv.gz", "labels.csv", "truth.json")
    told: list[float] = []
    simulate_campus(5, 3, tmp_path / "a", progress=told.append)
    simulate_campus(5, 3, tmp_path / "b")
    for name in names:
        a, b = ((tmp_path / f / name).read_bytes() for f in "ab")
        assert hashlib.sha256(a).digest() == hashlib.sha256(b).digest(), name
    assert told == sorted(told)
    assert told[-1] == 1.0
