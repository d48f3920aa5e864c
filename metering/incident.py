"""An incident as the rules know it, and how it changes: the value that passes from `rules` to `alerts`.

`rules` decides active or cleared; `alerts` adds what people do with it. The two never import each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Category(StrEnum):
    """What it is about; with medium and node the key of an incident."""

    LEAK = "leak"
    CONSUMPTION = "consumption"
    APPLIANCE = "appliance"
    SUPPLY = "supply"
    DATA_QUALITY = "data_quality"


class ChangeKind(StrEnum):
    """Why an incident is written again."""

    RAISED = "raised"
    REOPENED = "reopened"  # it had cleared and came back: the repair did not hold
    UPDATED = "updated"  # new figures, a joined finding
    ESCALATED = "escalated"  # its severity rose
    MOVED = "moved"  # a smaller node than before is justified
    INHIBITED = "inhibited"  # another incident explains it
    RELEASED = "released"  # it was inhibited and no longer is
    CLEARED = "cleared"  # the meters say it is over


@dataclass(frozen=True, slots=True)
class Incident:
    """Everything the rules say of one incident. Times are `datetime64[ms]` UTC.

    id          deterministic: the same readings through the same rules give the same id
    rule        rule of the raising finding; `subject` the meter or node it judged
    node        the smallest place the metering justifies; evidence["place_reason"] says why not smaller
    observed    with `expected` in `unit`: what was seen and what is usual
    loss_rate   m3/h or kW above the expected; loss_total m3 or kWh since onset_at
    evidence    JSON-able: joined findings, the flagged stretch, place_reason, next_step, ...
    inhibited_by  id of the incident that explains this one, else None
    """

    id: str
    rule: str
    category: Category
    medium: str
    subject: str
    node: str
    severity: Severity
    detected_at: np.datetime64
    onset_at: np.datetime64
    closed_at: np.datetime64 | None
    observed: float
    expected: float
    unit: str
    loss_rate: float
    loss_total: float
    evidence: dict[str, Any] = field(default_factory=dict)
    inhibited_by: str | None = None
    rules_revision: str = ""


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """The incident after a change, why, and the event time of the change."""

    kind: ChangeKind
    incident: Incident
    time: np.datetime64
