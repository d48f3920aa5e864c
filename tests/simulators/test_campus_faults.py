"""Each fault has the place, time and size that the truth states, and no two hide one another."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest

from metering.entries import EventBatch
from metering.site_document import parse_site
from simulators.campus.campus import Campus, build_campus, campus_of_truth
from simulators.campus.faults import KINDS, fault_of
from simulators.campus.masking import conflict
from simulators.campus.site_file import Endpoints
from simulators.campus.wiring import UNITS_PER_LINE, line_count

EPOCH = date(2026, 10, 19)
END = np.timedelta64(35, "D")
WINTER = date(2027, 1, 4)  # ends in the winter vacation
SEEDS = range(8)
BRIEF = {"burst", "charging", "demand_peak"}  # mended, or over by themselves
TOLD = {name for name, kind in KINDS.items() if kind.is_told}


@cache
def _campus(seed: int, epoch: date = EPOCH) -> Campus:
    return build_campus(seed, epoch, is_demo=True)


@cache
def _healthy(seed: int, epoch: date = EPOCH) -> Campus:
    return build_campus(seed, epoch, faults=())


def _fault(campus: Campus, kind: str):
    return next(f for f in campus.faults if f.kind == kind)


def _hours(campus: Campus, fault) -> float:
    return float((campus.start + END - np.datetime64(fault.start_ms, "ms")) / np.timedelta64(1, "h"))


def _more(campus: Campus, healthy: Campus, fault, meter: str) -> float:
    """What the meter counted more than in the campus without faults, a mean hour since the fault began."""
    row = campus.layout.meter_index[meter]
    end = campus.start + END - np.timedelta64(1, "ms")
    return float(campus.registers(end)[row] - healthy.registers(end)[row]) / _hours(campus, fault)


def test_one_of_every_kind_each_with_days_to_be_seen():
    for seed in SEEDS:
        campus = _campus(seed)
        assert {f.kind for f in campus.faults} == set(KINDS)
        for fault in campus.faults:
            assert 34 <= _hours(campus, fault) <= 13.2 * 24
            assert (fault.end is not None) == (fault.kind in BRIEF)
            assert fault.end is None or fault.end - fault.start < timedelta(hours=6)


@pytest.mark.parametrize(("seed", "epoch"), [(s, EPOCH) for s in SEEDS] + [(s, WINTER) for s in range(4)])
def test_no_two_faults_mask_one_another(seed, epoch):
    faults, layout = _campus(seed, epoch).faults, _campus(seed, epoch).layout
    for i, fault in enumerate(faults):
        assert conflict(fault, faults[:i], layout) is None
    assert len({(f.node, f.category) for f in faults}) == len(faults)


def test_leaks_have_the_size_of_the_truth(campus, healthy):
    leak, toilet = _fault(campus, "leak_inside"), _fault(campus, "leak_toilet")
    assert 0.060 <= leak.size <= 0.150
    assert _more(campus, healthy, leak, f"w-{leak.node}") == pytest.approx(leak.size, rel=0.03)
    assert 0.015 <= toilet.size <= 0.040
    assert _more(campus, healthy, toilet, f"w-{toilet.node}") == pytest.approx(toilet.size, rel=0.03)


def test_the_leak_on_the_main_is_seen_by_the_inlet_alone(healthy):
    campus = build_campus(1, EPOCH, faults=[f for f in _campus(1).faults if f.kind == "leak_network"])
    leak = campus.faults[0]
    assert leak.node == "campus"
    assert 0.150 <= leak.size <= 0.400
    assert _more(campus, healthy, leak, "w-campus") == pytest.approx(leak.size, rel=0.03)
    end = campus.start + END
    others = np.array([m.id != "w-campus" for m in campus.layout.meters])
    assert np.array_equal(campus.registers(end)[others], healthy.registers(end)[others])


def test_a_toilet_runs_in_pulses_and_never_pauses_a_quarter_of_an_hour():
    healthy = _healthy(3)
    toilet = _fault(_campus(3), "leak_toilet")
    campus = build_campus(3, EPOCH, faults=[toilet])
    row = campus.layout.meter_index[f"w-{toilet.node}"]
    first = np.datetime64(toilet.start_ms, "ms") + np.timedelta64(1, "h")
    minutes = [first + np.timedelta64(m, "m") for m in range(180)]
    extra = np.diff([campus.registers(t)[row] - healthy.registers(t)[row] for t in minutes])
    assert (extra < 0.0005).mean() > 0.3  # between refills nothing flows
    quarters = np.diff([campus.registers(t)[row] for t in minutes[::15]])
    assert (quarters > 0.0005).all()


def test_the_room_uses_two_and_a_half_to_about_four_times_its_peers():
    for seed in SEEDS:
        campus = _campus(seed)
        fault = _fault(campus, "excess_room")
        rooms = [r.id for r in campus.layout.rooms() if r.id.startswith(fault.node[:6])]
        start = np.datetime64(fault.start_ms, "ms")
        used = campus.registers(start + np.timedelta64(7, "D")) - campus.registers(start)
        kw = {r: used[campus.layout.meter_index[f"e-{r}"]] / 168 for r in rooms}
        peers = np.median([k for r, k in kw.items() if r != fault.node and k >= 0])
        assert 2.2 <= kw[fault.node] / peers <= 5.0, seed
        assert fault.size >= 0.25


@pytest.mark.parametrize("kind", ["burst", "leak_network", "unit_dead", "register_frozen", "register_reversed"])
def test_a_repaired_fault_ends_there_and_nothing_shown_before_changes(kind):
    """In the midst of a minute: a flow runs to its end, so that the register does not count back."""
    scheduled = _fault(_campus(1), kind)
    fault = replace(scheduled, end=None)
    campus, unmended = (build_campus(1, EPOCH, faults=[fault]) for _ in range(2))
    at = fault.start + timedelta(hours=5, minutes=3, seconds=21)
    before = [np.datetime64(fault.start_ms, "ms") + np.timedelta64(m, "m") for m in (-90, 0, 7, 303)]
    shown = [campus.registers(t) for t in before]
    mended = campus.repair(fault.id, at)
    assert timedelta(0) <= mended.end - at < timedelta(minutes=1)
    for time, registers in zip(before, shown, strict=True):
        assert np.array_equal(campus.registers(time), registers, equal_nan=True)
    end = np.datetime64(mended.end_ms, "ms")
    row = campus.layout.meter_index[fault.meter or campus.layout.meter_of(fault.node, "water").id]
    after = [campus.registers(end + np.timedelta64(h, "h"))[row] for h in range(3)]
    assert after[0] < after[1] < after[2]
    later = end + np.timedelta64(1, "D")
    if KINDS[kind].is_flow:
        assert campus.registers(later)[row] < unmended.registers(later)[row]
    else:
        assert campus.registers(later)[row] != unmended.registers(later)[row]
    assert campus_of_truth(campus.truth()).registers(later)[row] == campus.registers(later)[row]
    with pytest.raises(ValueError, match="no fault"):
        campus.repair(fault.id, at + timedelta(hours=1))


@pytest.mark.parametrize("seed", range(6))
def test_faults_of_meters_do_to_the_register_what_they_say(seed):
    campus = _campus(seed)
    before = np.timedelta64(1, "m")
    for kind in ("unit_dead", "register_frozen", "register_reset", "meter_replaced"):
        fault = _fault(campus, kind)
        row, start = campus.layout.meter_index[str(fault.meter)], np.datetime64(fault.start_ms, "ms")
        old, new, later = (float(campus.registers(t)[row]) for t in (start - before, start + before, start + END))
        if kind == "unit_dead":
            assert np.isfinite(old)
            assert np.isnan(new)
            assert campus.register(str(fault.meter), start + before) == {}
        elif kind == "register_frozen":
            assert new == later
        else:
            assert old - new == pytest.approx(fault.size, abs=0.2)
            assert later > new
            assert (new < 0.2) == (kind == "register_reset")


def test_a_frozen_meter_would_have_moved():
    for seed in SEEDS:
        fault = _fault(_campus(seed, WINTER), "register_frozen")
        healthy = _healthy(seed, WINTER)
        row, start = healthy.layout.meter_index[str(fault.meter)], np.datetime64(fault.start_ms, "ms")
        moved = healthy.registers(start + np.timedelta64(2, "D"))[row] - healthy.registers(start)[row]
        assert moved >= 10 * healthy.layout.meters[row].instrument.resolution


def test_dead_and_frozen_meters_go_on_with_their_true_register_when_repaired():
    campus = _campus(1)
    ended = [
        fault_of(f.document() | {"end": (f.start + timedelta(days=1)).isoformat()})
        for f in campus.faults
        if f.kind in ("unit_dead", "register_frozen")
    ]
    repaired, healthy = build_campus(1, EPOCH, faults=ended), _healthy(1)
    end = campus.start + END
    assert np.array_equal(repaired.registers(end), healthy.registers(end))


def test_a_year_has_a_round_of_faults_every_five_weeks_and_repairs():
    campus = build_campus(2, EPOCH, days=140)
    assert len(campus.faults) == 4 * len(TOLD)
    stays = ("register_reset", "meter_replaced")
    last_round = np.datetime64(campus.start, "ms") + np.timedelta64(105, "D")
    for fault in campus.faults:
        is_mended = fault.kind in BRIEF or np.datetime64(fault.start_ms, "ms") < last_round
        assert (fault.end is None) == (fault.kind in stays or not is_mended)
    for i, fault in enumerate(campus.faults):
        assert conflict(fault, campus.faults[:i], campus.layout) is None


def test_no_two_of_one_category_at_one_place_follow_each_other_soon():
    for seed in SEEDS:
        faults = _campus(seed).faults
        assert len({(f.node, f.category) for f in faults}) == len(faults)


def test_a_coil_heats_twice_a_day_and_takes_no_reactive_power(healthy):
    fault = next(f for f in _campus(1).faults if f.kind == "appliance_room")
    campus, meter = build_campus(1, EPOCH, faults=[fault]), f"e-{fault.node}"
    first = np.datetime64(fault.start_ms, "ms") + np.timedelta64(1, "D")
    times = [first + np.timedelta64(m, "m") for m in range(1440)]
    shown = [(campus.register(meter, t), healthy.register(meter, t)) for t in times[::2]]
    kw = np.array([now["active_power"] - usual["active_power"] for now, usual in shown])
    kvar = np.array([now["reactive_power"] - usual["reactive_power"] for now, usual in shown])
    heats = kw > 0.9 * fault.size
    assert 6 <= heats.sum() <= 18  # two minutes each
    assert np.diff(np.concatenate([[0], heats.astype(int)])).clip(0).sum() == 2
    assert kw[heats] == pytest.approx(fault.size, rel=0.01)
    assert np.abs(kvar).max() < 1e-6


def test_a_lost_phase_takes_a_third_of_the_load_and_its_voltage(healthy):
    fault = next(f for f in _campus(1).faults if f.kind == "phase_lost")
    campus, meter = build_campus(1, EPOCH, faults=[fault]), f"e-{fault.node}"
    later = np.datetime64(fault.start_ms, "ms") + np.timedelta64(5, "h")
    now, usual = campus.register(meter, later), healthy.register(meter, later)
    assert now["active_power"] == pytest.approx(usual["active_power"] * 2 / 3)
    assert now["voltage_l2"] == pytest.approx(fault.size, abs=0.5)
    assert now["current_l2"] == 0
    assert now["voltage_l1"] == usual["voltage_l1"]
    assert sum(now[f"active_power_l{p}"] for p in (1, 2, 3)) == pytest.approx(now["active_power"])


def test_a_leak_grows_for_eight_days(healthy):
    fault = next(f for f in _campus(1).faults if f.kind == "leak_growing")
    campus, row = build_campus(1, EPOCH, faults=[fault]), healthy.layout.meter_index[f"w-{fault.node}"]
    start = np.datetime64(fault.start_ms, "ms")
    at = [start + np.timedelta64(d, "D") for d in range(11)]
    more = [float(campus.registers(t)[row] - healthy.registers(t)[row]) for t in at]
    per_hour = np.diff(more) / 24
    assert per_hour[:8] == pytest.approx([(d + 0.5) / 8 * fault.size for d in range(8)], rel=0.15, abs=0.01)
    assert per_hour[8:] == pytest.approx([fault.size] * 2, rel=0.05)


def test_the_kitchen_passes_its_contract():
    for seed in SEEDS:
        campus = _campus(seed)
        fault = next(f for f in campus.faults if f.kind == "demand_peak")
        row = campus.layout.meter_index[f"e-{fault.node}"]
        start = np.datetime64(fault.start_ms, "ms") + np.timedelta64(5, "m")
        used = campus.registers(start + np.timedelta64(30, "m"))[row] - campus.registers(start)[row]
        assert 1.02 <= used * 2 / campus.layout.place[fault.node].contract_demand_kw <= 1.35


def test_words_of_meters_come_in_the_midst_of_the_history():
    campus = _campus(1)
    said, newest = {}, campus.start
    for entry in campus.entries(campus.start, campus.start + END):
        if isinstance(entry, EventBatch):
            for event in entry.events:
                assert event.time >= newest
                said[event.meter] = (event.code, event.text, event.time)
        else:
            newest = entry.time[-1]
    expected = {
        str(f.meter): (KINDS[f.kind].word, "on", np.datetime64(f.start_ms, "ms"))
        for f in campus.faults
        if KINDS[f.kind].word
    }
    assert said == expected
    assert {code for code, _, _ in said.values()} == {"low_battery", "clock_wrong", "tamper"}


def test_each_word_comes_once_wherever_the_history_is_cut():
    campus = _campus(1)
    for fault in (f for f in campus.faults if KINDS[f.kind].word):
        start = np.datetime64(fault.start_ms, "ms")
        cut = start + np.timedelta64(1, "m")
        parts = [(cut - np.timedelta64(1, "h"), cut), (cut, cut + np.timedelta64(1, "h"))]
        said = [
            e
            for part in parts
            for entry in campus.entries(*part)
            if isinstance(entry, EventBatch)
            for e in entry.events
        ]
        assert [(e.meter, e.time) for e in said] == [(fault.meter, start)]


def test_what_readings_do_not_show_is_not_hidden_in_files(campus):
    assert {f.kind for f in campus.faults} == TOLD
    later = [f for f in _campus(1).faults if f.kind not in TOLD]
    assert [f.document() for f in campus.faults if f.kind == "leak_tap"] == [
        f.document() for f in _campus(1).faults if f.kind == "leak_tap"
    ]
    assert {f.kind for f in later} == {"charging", "battery_low", "clock_wrong", "meter_opened"}


def test_history_has_no_reading_of_a_dead_unit(campus):
    fault = _fault(campus, "unit_dead")
    start = np.datetime64(fault.start_ms, "ms")
    for batch in campus.history(start, start + np.timedelta64(12, "h")):
        assert fault.meter not in {batch.meters[m] for m in np.unique(batch.meter)}


@pytest.mark.parametrize(
    "document",
    [
        {"seed": 1, "epoch": "2026-10-19", "faults": []},
        {"seed": 1, "epoch": "2026-10-19", "days": 35, "faults": [{"kind": "leak_inside"}]},
        {"seed": 1, "epoch": "2026-10-19", "days": 35, "faults": [None]},
        {"seed": 1, "epoch": "today", "days": 35, "faults": []},
    ],
)
def test_a_torn_truth_file_is_refused(document):
    with pytest.raises(ValueError, match=r"truth|isoformat"):
        campus_of_truth(document)


def test_the_site_document_is_accepted_and_complete(campus):
    ports = [5000 + i for i in range(line_count(campus.layout))]
    site = parse_site(campus.site_document(Endpoints(ports, 1883)))
    assert len(site.meters) == len(campus.meters)
    assert site.nodes["campus"].unmetered_children == 1
    assert site.nodes["dorm-2-305"].parent == "dorm-2-f3"
    assert site.meters["e-dorm-2-305"].parents == ("e-dorm-2",)
    lines: dict[str, int] = {}
    for meter in site.meters.values():
        lines[str(meter.connection)] = lines.get(str(meter.connection), 0) + 1
    assert max(n for c, n in lines.items() if c.startswith("tcp:")) == UNITS_PER_LINE
    framed = {c.partition("?")[2]: n for c, n in lines.items() if c.startswith("rtu+tcp:")}
    assert framed == {"baud=9600": 17, "baud=2400": 6}  # the last line of a kind
    assert sum(m.profile == "dlt645-2007" for m in site.meters.values()) == 35
    # Register, power and all that is read now and then: 1.3 s a meter at 9,600 baud, which must fit into a poll.
    assert all(n * 1.3 < 30 for c, n in lines.items() if c.endswith("baud=9600"))
    assert sum(c.startswith("mqtt:") for c in lines) >= 10
    assert site.calendar.terms
    assert site.calendar.vacations


def test_the_site_document_tells_nothing_of_the_faults(campus, healthy):
    assert campus.site_document() == healthy.site_document()
