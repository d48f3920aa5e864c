"""A second leak while the first still runs, and the end of one of two, read off the last nights' excess (m3/h)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CLEAR_SIGMAS = 4.0  # a fall that needs no second night
STEP_NEW = 2  # nights that a second leak must be seen ...
_FEW = 4  # ... after at least so many in all; then, or after one more, it must be as large as the first
_MOST = 9  # nights that are looked at: a whole week of those before, for weekends have nights of their own


def since_a_fall(nights: Sequence[float], sigma: float) -> list[float]:
    """The last nights' excesses; those of before a leak ended, while another goes on, are left out."""
    before, new = nights[:-STEP_NEW], nights[-STEP_NEW:]
    has_fallen = len(before) > 0 and min(before) - max(new) >= CLEAR_SIGMAS * sigma
    return list(new if has_fallen else nights[-_MOST:])


def is_step(nights: Sequence[float], share: float, least: float) -> bool:
    """Whether the newest nights all stand well above those before: a step, and no growth of the first leak.

    It must be `least` and `share` of what was before, and twice what the nights before grew from half to half.
    """
    if len(nights) < _FEW:
        return False
    older = np.array(nights[:-STEP_NEW])
    # One busy night before must not hide it.
    before = (float(older.max()) + float(np.median(older))) / 2
    half = len(older) // 2
    growth = float(np.median(older[half:]) - np.median(older[:half]))
    of_before = (share if len(nights) > _FEW + 1 else 1.0) * before
    return min(nights[-STEP_NEW:]) - before >= max(2 * growth, least, of_before)
