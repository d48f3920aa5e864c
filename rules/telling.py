"""What of an incident is news: why it is written again."""

from __future__ import annotations

import numpy as np

from metering.incident import ChangeKind
from rules.open_incident import RANK, OpenIncident, ms_of
from rules.places import EXCESS

_TELL_EVERY_MS = 3_600_000  # small news of figures are told at most so often (event time)
_RATE_NEWS = 0.2  # a rate that moved by more than this share is news at once


def news_of(incident: OpenIncident, at: np.datetime64, *, daily: bool) -> list[ChangeKind]:
    """What has changed since the incident was told last."""
    told = incident.written
    if told is None:
        return [ChangeKind.REOPENED if incident.earlier else ChangeKind.RAISED]
    kinds = []
    if told.node != incident.place:
        kinds.append(ChangeKind.MOVED)
    if told.inhibited_by != incident.inhibited_by:
        kinds.append(ChangeKind.INHIBITED if incident.inhibited_by else ChangeKind.RELEASED)
    if RANK[incident.severity] > RANK[told.severity]:
        kinds.append(ChangeKind.ESCALATED)
    if not kinds and _has_new_figures(incident, at, daily=daily):
        kinds.append(ChangeKind.UPDATED)
    return kinds


def _has_new_figures(incident: OpenIncident, at: np.datetime64, *, daily: bool) -> bool:
    findings = [*incident.own.items(), *incident.echoes.items()]
    told = incident.written
    if told is None or incident.told_findings() != {key for key, _ in findings}:
        return True
    if abs(told.loss_rate - incident.loss_rate) > _RATE_NEWS * told.loss_rate:
        return True
    if daily and incident.category in EXCESS:
        return True
    newest = max(ms_of(f.at) for _, f in findings)
    return newest > incident.told_ms and ms_of(at) - incident.told_ms >= _TELL_EVERY_MS
