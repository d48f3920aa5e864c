"""Runs of continuous flow: how long is too long, and where one began."""

from __future__ import annotations

import numpy as np
import pytest

from rules.detectors.flow_runs import TESTS, SteadyRuns, UsualRuns


def usual(longest: float, filled: int, days: int) -> UsualRuns:
    return UsualRuns(np.array([[longest]]), np.array([[filled]]), np.array([days]), np.array([0.3]))


def test_the_more_days_are_known_the_less_a_run_must_exceed_them() -> None:
    told = [float(usual(18.0, 0, days).told_after(np.array([10_000.0]))[0, 0]) for days in (10, 40)]
    assert told == pytest.approx([18 * 4, 18 * np.log(10_000) / np.log(40)])


def test_days_filled_by_runs_count_where_the_longest_says_too_little() -> None:
    once = np.array([10_000.0])
    assert usual(30.0, 10, 40).told_after(once)[0, 0] == pytest.approx(24 * np.log(10_000) / np.log(4))
    assert np.isinf(usual(30.0, 40, 40).told_after(once)[0, 0]), "every day is filled: a run says nothing"


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3])
def test_a_run_is_told_by_chance_about_as_often_as_it_says(share: float) -> None:
    """Somebody is up in so many nights, by chance: over many meters, runs as long as the limit are rare."""
    rng = np.random.default_rng(4)
    rates = []
    for _ in range(200):
        run, lengths = 0, []
        for is_up in rng.random(42) < share:
            run = run + 1 if is_up else 0
            lengths.append(24 * run + 16)
        filled = sum(hours >= 24 for hours in lengths)
        limit = float(usual(max(lengths), filled, 42).told_after(np.array([10_000.0]))[0, 0])
        nights = np.ceil((max(limit, 48) - 16) / 24)
        rates.append((1 - share) * share**nights)
    assert np.mean(rates) < 4 / 10_000


def test_the_latest_of_runs_that_are_about_as_long_tells_the_onset() -> None:
    runs = SteadyRuns.of(1)
    wide, narrow = TESTS.index(("fast", 6)), TESTS.index(("fast", 1))
    short = TESTS.index(("fast", 2))
    runs.since[wide], runs.since[narrow], runs.since[short] = 100, 110, 150
    assert runs.latest(0, wide, 160) == (110, 1)
    assert runs.latest(0, narrow, 160) == (110, 1)
