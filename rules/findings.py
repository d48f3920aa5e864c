"""What a detector says: one finding a (rule, subject) at a time, opened, updated and closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from metering.incident import Category, Severity


class FindingPhase(StrEnum):
    """Where a finding stands."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


class FindingScope(StrEnum):
    """What a finding is of, where single occurrences are no proof yet."""

    WHOLE = "whole"  # of what goes on: told, and an incident is made of it
    OCCURRENCE = "occurrence"  # of one of several: told, no incident is made of it
    CASE = "case"  # of all of them together: an incident is made of it


@dataclass(frozen=True, slots=True)
class Finding:
    """A detector's word at one time, keyed (rule, subject). Times are `datetime64[ms]` UTC.

    subject      the meter id (or node id, for a detector that judges nodes) that was judged
    node         the place it speaks of
    at           event time at which a live system would say this
    onset        when it began, as well as the data show
    observed     with `expected`, in `unit`: the figures compared
    size         excess over the expected in m3/h or kW (0 where it makes no sense)
    uncertainty  of `size`, same unit, one sigma; used to tell an echo at a parent from a leak of its own
    total        excess summed since onset, m3 or kWh
    evidence     JSON-able details of this rule
    scope        an occurrence and its case may be open at once under one key
    ended        when it ended, where that was before `at`
    """

    phase: FindingPhase
    rule: str
    subject: str
    node: str
    category: Category
    medium: str
    severity: Severity
    at: np.datetime64
    onset: np.datetime64
    observed: float
    expected: float
    unit: str
    size: float
    uncertainty: float = 0.0
    total: float = 0.0
    evidence: dict[str, Any] = field(default_factory=dict)
    scope: FindingScope = FindingScope.WHOLE
    ended: np.datetime64 | None = None
