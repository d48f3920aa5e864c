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
