"""The ways to look at a night: the leak that each shows."""

from __future__ import annotations

import numpy as np
import pytest

from rules.detectors.night_view import VIEWS, as_flow, leak_factor, views_of


@pytest.mark.parametrize("season", [0.7, 1.0, 1.5])
def test_the_share_of_the_day_shows_the_leak_whatever_the_season(season: float) -> None:
    usual = views_of(np.full((3, 1), 2.0), np.array([24 * 5.0]))
    leak = 0.3
    night, day_use = np.full((3, 1), 2.0 * season + leak), np.array([24 * (5.0 * season + leak)])
    excess = (night[-1] - as_flow(usual, day_use)[-1]) * leak_factor(usual)[-1]
    assert excess == pytest.approx([leak])


def test_nights_as_busy_as_days_have_no_share() -> None:
    usual = views_of(np.full((3, 2), 4.8), np.array([24 * 5.0, 0.0]))
    assert usual.shape == (VIEWS, 2)
    assert np.isnan(leak_factor(usual)[-1]).all()
    assert (leak_factor(usual)[:-1] == 1).all()
