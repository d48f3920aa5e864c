"""Figures as their wire document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from alerts.rows import moment_of
from alerts.statistics.figures import Figures, Line
from alerts.statistics.repeats import Repeat
from alerts.statistics.scorecards import Scorecard
from api.statistics.asked import Asked
from api.wire import time_text

MOST_REPEATS = 500


def figures_document(figures: Figures, asked: Asked) -> dict[str, Any]:
    """All of them, with what they rest on."""
    names = {n.id: n.name or n.id for n in asked.reach.site.nodes.values()}

    def lines(found: Iterable[Line]) -> list[dict[str, Any]]:
        return [_line(line, names.get(line.name, line.name)) for line in found]

    return {
        "start": time_text(asked.wanted.since),
        "end": time_text(asked.wanted.until),
        "currency": asked.parts.prices.currency,
        "prices": dict(asked.valuing.prices),
        "usual_discovery": dataclasses.asdict(asked.parts.discovery),
        "is_estimate": True,
        "total": _line(figures.total, ""),
        "by_month": lines(figures.by_month),
        "by_term": lines(figures.by_term),
        "by_zone": lines(figures.by_zone),
        "by_building": lines(figures.by_building),
        "by_category": lines(figures.by_category),
        "repeats": [_repeat(r) for r in figures.repeats[:MOST_REPEATS]],
        "missed_deadlines": [dataclasses.asdict(m) for m in figures.missed],
    }


def scorecards_document(cards: Iterable[Scorecard], asked: Asked) -> dict[str, Any]:
    """Each contractor's."""
    items = [dataclasses.asdict(card) | {"share_in_time": card.share_in_time} for card in cards]
    return {"start": time_text(asked.wanted.since), "end": time_text(asked.wanted.until), "items": items}


def _line(line: Line, label: str) -> dict[str, Any]:
    return {
        "name": line.name,
        "label": label,
        "first": line.stretch and line.stretch.first.isoformat(),
        "end": line.stretch and line.stretch.end.isoformat(),
        "counts": dataclasses.asdict(line.counts),
        "steps": {step: dataclasses.asdict(spread) for step, spread in line.steps.items()},
        "losses": dataclasses.asdict(line.losses),
    }


def _repeat(repeat: Repeat) -> dict[str, Any]:
    return {
        "alert_id": repeat.alert_id,
        "node": repeat.node,
        "raised_at": time_text(moment_of(repeat.raised_ms)),
        "before_id": repeat.before_id,
        "before_node": repeat.before_node,
        "days_between": repeat.days_between,
    }
