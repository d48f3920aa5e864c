"""What an excess probably is: shapes read off hours, and causes off shapes, sizes and places."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metering.incident import Category
from rules.causes import CAUSES, SIGNS, cause_of
from rules.open_incident import OpenIncident, key_of
from rules.places import Places
from rules.recent import HOUR_MS, Past
from rules.shape import Shape, shape_of

STEADY = Shape(at_night=1.0, growth=1.0, pauses=0.0, share=1.0)


@pytest.fixture
def incident_of(site, make_finding):
    """An open incident of one finding, or of several at the first one's meter."""

    def make(*rules: str, subject: str = "W11", rate: float = 0.02, medium: str = "water", **more) -> OpenIncident:
        findings = [make_finding(rule, subject, size=rate, **{"medium": medium, **more}) for rule in rules]
        first = findings[0]
        return OpenIncident(
            "i", first.category, medium, site.meters[subject].node, rules[0], subject, first.at, first.onset,
            first.severity, own={key_of(f): f for f in findings}, loss_rate=rate,
        )  # fmt: skip

    return make


@pytest.fixture
def told(site):
    def tell(incident: OpenIncident, shape: Shape = STEADY) -> str | None:
        cause = cause_of(incident, Places(site), shape)
        return None if cause is None else cause.code

    return tell


def test_a_steady_trickle_on_a_floor_is_a_toilet(incident_of, told):
    assert told(incident_of("continuous_flow", rate=0.02)) == "toilet"


def test_ten_times_as_much_at_once_is_a_tap(incident_of, told):
    assert told(incident_of("continuous_flow", "burst_flow", rate=0.4)) == "tap"


def test_between_meters_it_is_a_pipe(incident_of, told):
    assert told(incident_of("zone_balance", subject="W1", rate=0.1)) == "pipe_leak"


def test_much_at_once_is_a_burst(incident_of, told):
    assert told(incident_of("burst_flow", subject="W", rate=4.0)) == "burst"
    assert told(incident_of("zone_balance", "burst_flow", subject="W", rate=4.0)) == "burst"


def test_what_runs_mostly_at_night_is_irrigation(incident_of, told):
    shape = Shape(at_night=3.0, growth=1.0, pauses=0.0, share=1.0)
    assert told(incident_of("minimum_night_flow", subject="W", rate=0.8), shape) == "irrigation_or_tank"


def test_a_balance_that_creeps_by_day_alone_is_of_the_meters(incident_of, told):
    shape = Shape(at_night=0.1, growth=2.0, pauses=0.0, share=0.02)
    assert told(incident_of("zone_balance", subject="W1", rate=0.05), shape) == "meters_apart"


@pytest.mark.parametrize(
    ("pattern", "shape", "code"),
    [
        ("nights", Shape(at_night=2.5), "night_equipment"),
        ("vacation", Shape(at_night=1.0, pauses=0.0), "night_equipment"),
        ("all_day", Shape(at_night=1.0, pauses=0.0), "standing_load"),
        ("working_hours", Shape(at_night=0.1), "more_use"),
    ],
)
def test_electricity_goes_by_its_hours(incident_of, told, pattern, shape, code):
    more = {"category": Category.CONSUMPTION, "evidence": {"pattern": pattern}}
    assert told(incident_of("usage_profile", subject="E1", rate=0.5, medium="electricity", **more), shape) == code


def test_appliances_that_heat(incident_of, told):
    more = {"category": Category.APPLIANCE}
    assert told(incident_of("suspected_appliance", subject="E1", medium="electricity", **more)) == "heating_appliance"


def test_a_dead_meter_has_no_cause_class(incident_of, told):
    assert told(incident_of("meter_health", subject="W1")) is None


def test_confidence_grows_with_what_is_known_and_never_reaches_one(site, incident_of):
    incident = incident_of("minimum_night_flow", rate=0.02)
    unknown, known = (cause_of(incident, Places(site), s) for s in (Shape(), Shape(at_night=1.0, pauses=0.0)))
    assert unknown is not None
    assert known is not None
    shown = known.evidence()
    assert 0.35 <= unknown.confidence < known.confidence <= 0.9
    assert set(shown["signs"]) <= set(SIGNS)
    assert {o["code"] for o in shown["others"]} <= set(CAUSES)
    assert all(o["confidence"] <= shown["confidence"] for o in shown["others"])


def past(days_before: int, days_after: int, excess: np.ndarray | float, usual: np.ndarray | None = None) -> Past:
    """Hours of use that goes up and down over the day, and an excess from midnight of day `days_before` on."""
    hours = 24 * (days_before + days_after)
    day = 0.1 + 0.1 * np.sin(np.arange(24) / 24 * 2 * math.pi) if usual is None else usual
    flow = np.resize(day, hours)
    flow[24 * days_before :] += np.resize(excess, 24 * days_after)
    return Past(flow, np.arange(hours) % 24, (np.arange(hours) + 1) * HOUR_MS)


def test_a_leak_is_as_large_by_night_and_stays():
    shape = shape_of(past(7, 5, 0.05), 7 * 24 * HOUR_MS)
    assert (shape.at_night, shape.growth, shape.pauses) == pytest.approx((1.0, 1.0, 0.0))
    assert shape.share == pytest.approx(0.5, rel=0.05)  # the last hours before the onset are left out


def test_one_that_grows():
    shape = shape_of(past(7, 6, np.linspace(0.01, 0.1, 6 * 24)), 7 * 24 * HOUR_MS)
    assert shape.growth > 3


def test_sprinklers_run_at_night_and_pause_in_between():
    sprinkler = np.where(np.isin(np.arange(24), [2, 3]), 1.0, 0.0)
    shape = shape_of(past(7, 4, sprinkler, usual=np.zeros(24)), 7 * 24 * HOUR_MS)
    assert shape.at_night > 4
    assert shape.pauses == pytest.approx(0.5)


def test_what_cannot_be_told_is_no_number():
    young, without_past = shape_of(past(7, 1, 0.05), 7 * 24 * HOUR_MS), shape_of(past(0, 3, 0.05), 0)
    assert math.isnan(young.growth)
    assert young.at_night == pytest.approx(1.0)
    assert math.isnan(without_past.at_night)
    assert without_past.pauses == 0.0


def test_hours_that_are_missing_count_for_nothing():
    whole = past(7, 5, 0.05)
    whole.flow[::7] = np.nan
    assert shape_of(whole, 7 * 24 * HOUR_MS).at_night == pytest.approx(1.0, rel=0.02)
