"""How long each step took, from the onset to the meters' all-clear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alerts.statistics.cases import Cases, Column

STEPS = ("detect", "notify", "acknowledge", "repair", "whole")


@dataclass(frozen=True, slots=True)
class Spread:
    """Of so many alerts: seconds that half of them took at most, and nine in ten. None of none."""

    count: int = 0
    median_s: float | None = None
    p90_s: float | None = None


def spread_of(lengths_ms: Column) -> Spread:
    """Of the lengths that are known; a negative one is two clocks that disagree, not a step."""
    known = lengths_ms[lengths_ms >= 0] / 1000  # NaN is not
    if not len(known):
        return Spread()
    median, p90 = np.percentile(known, (50, 90))
    return Spread(len(known), round(float(median), 1), round(float(p90), 1))


def lengths_of(cases: Cases) -> dict[str, Column]:
    """Milliseconds of each step of each alert; NaN where one of its ends is missing.

    detect       from the onset until the rules raised it
    notify       until the first message about it was delivered: what nobody could know yet is not counted
    acknowledge  until somebody had it: from the message, or from the detection where they saw it before
    repair       from there until the meters cleared it
    whole        from the onset until the meters cleared it
    """
    closed = np.where(cases.is_active, np.nan, cases.closed)
    known = np.where(cases.known <= cases.told, np.maximum(cases.known, cases.detected), cases.detected)
    heard = np.where(cases.told <= cases.taken, cases.told, cases.detected)
    return {
        "detect": cases.detected - cases.onset,
        "notify": cases.told - known,
        "acknowledge": cases.taken - heard,
        "repair": closed - cases.taken,
        "whole": closed - cases.onset,
    }
