"""The grid and the breaker, with the clock in the test's hand."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.breaker import Breaker, BreakerSettings, BreakerState
from collector.schedule import GridSchedule, phase_of


@given(
    period=st.floats(0.01, 1000),
    share=st.floats(0, 0.999),
    start=st.floats(0, 1e6),
    lateness=st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
def test_the_grid_does_not_move_and_every_point_is_due_once(
    period: float, share: float, start: float, lateness: list[float]
) -> None:
    grid: GridSchedule[str] = GridSchedule(start)
    phase = share * period
    grid.add("m", period, phase, start)
    points = []
    for late in lateness:
        due = grid.next_due()
        assert due is not None
        now = due + late * period
        (found,) = grid.pop_due(now)
        assert found.at <= now < grid.next_due()  # type: ignore[operator]
        points += [found.at - k * period for k in range(found.missed, -1, -1)]
    expected = [start + phase + k * period for k in range(len(points))]
    assert points == pytest.approx(expected, rel=1e-9, abs=1e-6 * period)


def test_items_share_a_grid_in_order_and_a_late_look_skips_and_counts() -> None:
    grid: GridSchedule[str] = GridSchedule(100.0)
    grid.add("fast", 1.0, 0.25, 100.0)
    grid.add("slow", 10.0, 0.5, 100.0)
    assert grid.pop_due(100.2) == []
    assert [(d.key, d.at, d.missed) for d in grid.pop_due(103.3)] == [("fast", 103.25, 3), ("slow", 100.5, 0)]
    assert grid.next_due() == 104.25


def test_a_removed_item_is_never_due_and_an_added_one_replaces() -> None:
    grid: GridSchedule[str] = GridSchedule(0.0)
    grid.add("a", 1.0, 0.0, 0.0)
    grid.add("b", 1.0, 0.5, 0.0)
    grid.remove("a")
    grid.remove("unknown")
    grid.add("b", 2.0, 0.75, 0.0)
    assert [d.key for d in grid.pop_due(1.9)] == ["b"]
    assert grid.next_due() == 2.75
    assert len(grid) == 1


def test_an_item_added_later_begins_on_its_grid_not_before() -> None:
    grid: GridSchedule[str] = GridSchedule(0.0)
    grid.add("a", 10.0, 3.0, 17.0)
    assert grid.next_due() == 23.0
    with pytest.raises(ValueError, match="above 0 s"):
        grid.add("b", 0.0, 0.0, 0.0)


def test_phases_are_spread_over_the_period() -> None:
    phases = sorted(phase_of(i, 10.0) for i in range(100))
    gaps = [b - a for a, b in itertools.pairwise(phases)]
    assert phases[0] >= 0
    assert phases[-1] < 10.0
    assert max(gaps) < 3 * 10.0 / 100


def test_the_breaker_opens_after_failures_in_a_row_and_doubles_to_five_minutes() -> None:
    breaker = Breaker(BreakerSettings(), draw=lambda: 0.5)
    now = 1000.0
    assert not breaker.fail(now)
    assert not breaker.succeed()
    assert not breaker.fail(now)
    assert breaker.fail(now)
    waits = []
    for _ in range(10):
        assert not breaker.allows(breaker.retry_at - 0.01)
        waits.append(breaker.retry_at - now)
        now = breaker.retry_at
        assert breaker.allows(now)
        assert not breaker.allows(now), "one probe at a time"
        assert breaker.fail(now)
    assert waits == pytest.approx([2, 4, 8, 16, 32, 64, 128, 256, 300, 300])


def test_an_answer_closes_the_breaker_and_the_next_wait_is_short_again() -> None:
    breaker = Breaker(BreakerSettings(failures=1), draw=lambda: 0.5)
    breaker.fail(0.0)
    breaker.allows(breaker.retry_at)
    breaker.fail(10.0)
    assert breaker.state is BreakerState.OPEN
    assert breaker.succeed()
    assert breaker.allows(10.0)
    breaker.fail(20.0)
    assert breaker.retry_at == pytest.approx(22.0)


def test_jitter_spreads_the_waits_and_a_new_line_may_probe_at_once() -> None:
    draws = iter([0.0, 0.999])
    settings = BreakerSettings(failures=1, jitter=0.25)
    early, late = Breaker(settings, lambda: next(draws)), Breaker(settings, lambda: next(draws))
    early.fail(0.0)
    late.fail(0.0)
    assert early.retry_at == pytest.approx(1.5)
    assert math.isclose(late.retry_at, 2.5, rel_tol=1e-2)
    late.retry_now(1.0)
    assert late.allows(1.0)
