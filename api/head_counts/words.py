"""Why a row of head-counts was not taken, in words."""

from __future__ import annotations

from collections.abc import Callable

from api.web.wording import N_
from metering.head_counts import CountFault

FAULTS = {
    "encoding": N_("The file is %(given)s; save it as one of: %(allowed)s"),
    "header": N_("The first line must name the columns %(allowed)s; it says: %(given)s"),
    "too_many": N_("At most %(allowed)s rows are read"),
    "columns": N_("More fields than columns; the columns are %(allowed)s"),
    "unknown_node": N_("“%(given)s” is no place of this site"),
    "no_day": N_("“%(given)s” is no day; write it like %(allowed)s"),
    "no_count": N_("“%(given)s” is no number of heads; allowed: %(allowed)s"),
    "nothing_said": N_("Neither beds nor people are given"),
    "twice": N_("“%(given)s” stands on line %(allowed)s with other numbers for the same day"),
}


def fault_text(fault: CountFault, translate: Callable[[str], str] = lambda text: text) -> str:
    """The reason in the reader's language; English without one."""
    return translate(FAULTS[fault.reason]) % {"given": fault.given, "allowed": fault.allowed}
