"""A drill's readings: the fault on every register on its way, and the past set on without a step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from metering.batch import batch_of, concatenate, to_ms
from metering.derivation import IntervalDerivation
from metering.drill_kinds import DrillKind
from metering.drills import USE_EVERY_MS, USE_MS, DrillFault, feeding, meter_for, most_allowed
from metering.quantities import BY_NAME
from metering.site_document import parse_site
from rules.drill.again import Again
from rules.drill.copy import DrillCopy, DrillOrder
from rules.drill.injection import Injection
from rules.settings import IncidentSettings, RulesSettings
from rules.shard import Shard
from rules.snapshot import SnapshotError
from simulators.campus.campus import build_campus, epoch_before

T0 = np.datetime64("2026-03-01T16:00:00", "ms")  # a local midnight in Shanghai
HOUR, MINUTE = np.timedelta64(3_600_000, "ms"), np.timedelta64(60_000, "ms")
START = int(T0.astype(np.int64))
WATER, POWER, KWH = (BY_NAME[n].code for n in ("water_volume", "active_power", "active_energy_import"))
METERS = ("W", "W1", "W11", "W12")


@pytest.fixture
def site_with(site):
    """The small campus, some of its meters changed."""
    return lambda **changes: replace(
        site, meters={m.id: replace(m, **changes.get(m.id, {})) for m in site.meters.values()}
    )


def leak(size=1.2, **more):
    return DrillFault(DrillKind.LEAK, "W11", size, START + 3_600_000, **more)


def registers(hours=6, meters=METERS):
    """A register value each quarter hour, 1 m3/h through every meter."""
    count = hours * 4 + 1
    times = T0 + np.arange(count) * 15 * MINUTE
    values = np.arange(count) / 4
    return batch_of(meters, np.repeat(np.arange(len(meters)), count), WATER, np.tile(times, len(meters)),
                    np.tile(values, len(meters)))  # fmt: skip


def usage_of(site, batch):
    found = IntervalDerivation(site).push(batch).intervals
    return {m: found.usage[found.meter == list(found.meters).index(m)].sum() for m in METERS}


def test_balances_hold_for_a_leak_on_a_floor(site_with):
    site = site_with()
    batch = registers()
    before, after = usage_of(site, batch), usage_of(site, Injection(site, leak()).into(batch))
    more = {m: after[m] - before[m] for m in METERS}
    assert more == pytest.approx({"W": 6.0, "W1": 6.0, "W11": 6.0, "W12": 0.0})


def test_it_begins_and_ends_when_it_is_said_to():
    fault = leak(end_ms=START + 2 * 3_600_000)
    at = np.array([START, START + 3_600_000, START + 5_400_000, START + 7_200_000, START + 90_000_000])
    assert fault.used(at).tolist() == pytest.approx([0, 0, 0.6, 1.2, 1.2])
    assert fault.rate(at).tolist() == [0, 1.2, 1.2, 0, 0]


def test_an_appliance_is_on_for_a_while_each_so_often():
    fault = DrillFault(DrillKind.APPLIANCE, "E1", 2.0, START)
    at = np.array([0, USE_MS, USE_EVERY_MS - 1, USE_EVERY_MS + USE_MS // 2]) + START
    assert fault.used(at).tolist() == pytest.approx([0, 0.4, 0.4, 0.6])
    assert fault.rate(at).tolist() == [2, 0, 0, 2]


def test_a_register_keeps_its_steps_and_runs_over(site_with):
    site = site_with(W11={"resolution": 0.1, "register_digits": 1})
    batch = batch_of(["W11"], [0, 0], WATER, [T0 + 2 * HOUR, T0 + 9 * HOUR], [3.0, 9.9])
    assert Injection(site, leak(0.125)).into(batch).value.tolist() == pytest.approx([3.1, 0.9])


def test_several_parents_share_what_runs_through_them(site_with):
    site = site_with(W11={"parents": ("W1", "W2")})
    assert feeding(site, "W11") == {"W11": 1.0, "W1": 0.5, "W2": 0.5, "W": 1.0}


def test_power_and_its_register_rise_together(site_with):
    site = site_with()
    fault = DrillFault(DrillKind.OVERUSE, "E1", 2.0, START)
    batch = batch_of(["E1", "E2"], [0, 0, 1], [POWER, KWH, POWER], [T0 + HOUR] * 3, [0.5, 100.0, 0.5])
    assert Injection(site, fault).into(batch).value.tolist() == [2.5, 102.0, 0.5]


def test_a_batch_of_other_meters_is_left_as_it_is(site_with):
    site, batch = site_with(), registers(meters=("W2", "W12"))
    assert Injection(site, leak()).into(batch) is batch


def test_where_a_drill_can_be_and_how_large(site_with):
    site = site_with(W1={"max_flow_m3_per_h": 6.0}, W={"max_flow_m3_per_h": 40.0})
    assert meter_for(site, "floor-1", DrillKind.LEAK).id == "W11"
    assert meter_for(site, "floor-1", DrillKind.APPLIANCE) is None
    assert (most_allowed(site, "W11"), most_allowed(site, "W2")) == (6.0, 40.0)


def test_the_past_goes_on_from_where_the_meter_stands(site_with):
    site = site_with(W={"register_digits": 2})
    again = Again(site, {("W", WATER): 99.5, ("W1", WATER): 7.0})
    past = batch_of(["W", "W1", "W2"], [0, 0, 1, 1, 2], WATER, T0, [10, 11, 500, 501, 3])
    assert again.go_on(past).value.tolist() == [99.5, 0.5, 7, 8, 3]
    assert again.go_on(batch_of(["W1"], [0], WATER, T0, [503])).value.tolist() == [10]


def test_what_is_no_register_is_replayed_as_it_was(site_with):
    again = Again(site_with(), {("E1", POWER): 5.0})
    batch = batch_of(["E1"], [0, 0], POWER, T0, [1.0, 2.0])
    assert again.go_on(batch).value.tolist() == [1.0, 2.0]


def shard_after(site, hours=6):
    shard = Shard(site)
    shard.process(1, registers(hours))
    return shard


def test_the_live_shard_is_the_same_after_a_copy_has_run(site):
    shard = shard_after(site)
    before = shard.snapshot()
    copy = DrillCopy(before, shard.site, shard.settings, DrillOrder("d", leak(), is_replayed=False))
    copy.process(registers(12))
    assert shard.snapshot() == before
    assert copy.now_ms > shard.now_ms == copy.start_ms


def test_a_copy_knows_when_its_fault_begins_and_is_mended(site):
    shard = shard_after(site)
    fault = DrillFault(DrillKind.LEAK, "W11", 1.0, 60_000, 120_000)
    copy = DrillCopy(shard.snapshot(), shard.site, shard.settings, DrillOrder("d", fault, is_replayed=True))
    assert copy.fault.start_ms == shard.now_ms + 60_000
    copy.repair()
    assert copy.fault.end_ms == copy.fault.start_ms  # before it has begun: it never runs
    assert not copy.is_mended  # nobody was told of anything


def test_a_snapshot_of_other_rules_is_refused(site):
    shard = shard_after(site)
    other = RulesSettings(incidents=IncidentSettings(doubt_grace_h=1))
    with pytest.raises(SnapshotError, match="rules"):
        DrillCopy(shard.snapshot(), shard.site, other, DrillOrder("d", leak(), is_replayed=False))


def test_an_alert_that_stood_before_is_not_told_beside_the_one_of_the_place():
    """A burst at a building, on a campus whose main has too high a night flow already: one alert, of the building."""
    now = datetime(2026, 11, 23, 23, 15, tzinfo=UTC)
    campus = build_campus(5, epoch_before(now, 35), 35)
    shard = Shard(parse_site(campus.site_document()))
    for seq, batch in enumerate(campus.history(campus.start, to_ms(now)), start=1):
        shard.process(seq, batch)
    assert ("minimum_night_flow", "campus") in {(i.rule, i.node) for i in shard.open_incidents}
    fault = DrillFault(DrillKind.BURST, "w-dorm-1", 9.0, 0)
    copy = DrillCopy(shard.snapshot(), shard.site, shard.settings, DrillOrder("d", fault, is_replayed=True))
    start, week = np.datetime64(copy.start_ms, "ms"), np.timedelta64(7, "D")
    past = concatenate(list(campus.history(start - week, start - week + 2 * HOUR)))
    changes = copy.process(replace(past, time=past.time + week))
    assert [(c.kind, c.incident.rule, c.incident.node) for c in changes] == [("raised", "burst_flow", "dorm-1")]
