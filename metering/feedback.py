"""What people say of alerts, and how cautious it makes a rule about a meter.

A word stands until another replaces it. The caution is worked out anew from the words that stand, so correcting one or
taking it back undoes it exactly, whatever was said in between.
"""

from __future__ import annotations

from collections.abc import Iterable

STEP = 1.25
MOST = 2.0
"""A rule's thresholds for a meter rise by `STEP` with each alert that was false, up to `MOST` times what is set."""

CONFIRMED, REPAIRED, FALSE, PLANNED_USE, METER_FAULT = "confirmed", "repaired", "false", "planned_use", "meter_fault"
RESET = "reset"
"""A person's word, of no alert: the rule is to judge the meter as it is set."""
WITHDRAWN = "withdrawn"
"""What was said before holds no longer, and nothing stands in its place."""

CAUTIOUS_RULES = frozenset(
    {
        "continuous_flow",
        "minimum_night_flow",
        "burst_flow",
        "zone_balance",
        "usage_profile",
        "peer_usage",
        "suspected_appliance",
    }
)
"""The rules that can be made more cautious; the others compare with a norm, a contract, a fact or a limit of the
user's own, which no outcome moves."""


def caution_after(outcomes: Iterable[str]) -> float:
    """Times its thresholds, from 1 to `MOST`, after these outcomes of a rule's alerts about one meter, oldest first.

    An alert that was right takes one step back; outcomes that say nothing of the rule leave it where it is.
    """
    caution = 1.0
    for outcome in outcomes:
        if outcome == FALSE:
            caution = min(caution * STEP, MOST)
        elif outcome in {CONFIRMED, REPAIRED}:
            caution = max(caution / STEP, 1.0)
        elif outcome == RESET:
            caution = 1.0
    return caution
