"""Scores as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from bench.detection.rooms import RoomsAccused
from bench.detection.scoring import Score, ZoneScore
from bench.detection.trivial import TRIVIAL

HEAD = (
    "job", "data", "meters", "events", "found", "again", "false", "precision", "recall", "F1 (95 %)",
    "chance: mean, 95th", "rule of thumb: F1", "median h", "90 % h", "false a meter-month untouched (rule of thumb)",
    "loss rate off", "total off", "s per 1,000 meter-years",
)  # fmt: skip


def main_table(scores: Iterable[Score]) -> str:
    """A row a job."""
    return grid(HEAD, [_row(s) for s in scores])


def part_table(scores: Iterable[Score]) -> str:
    """Jobs broken down by kind and size."""
    rows = [
        (s.job.name, f"{p.part.name} {s.job.share.value if p.part.low or p.part.high < math.inf else ''}".strip(),
         str(p.events), str(p.found), str(p.in_time) if math.isfinite(p.part.within_h) else "",
         *_delays(p.delays))
        for s in scores for p in s.parts if p.events
    ]  # fmt: skip
    return grid(("job", "part", "events", "found", "in time", "median h", "90 % h"), rows)


def zone_table(scores: Iterable[Score]) -> str:
    """Whether the alerts of zones stood at the right place."""
    rows = [(s.job.name, *_zone(s.zone)) for s in scores if s.zone is not None]
    head = ("job", "told anywhere", "between: right of told", "inside: right of told", "false a zone-year",
            "F1 by time alone", "chance: mean, 95th")  # fmt: skip
    return grid(head, rows)


def point_table(scores: Iterable[Score]) -> str:
    """Half hour by half hour."""
    rows = [
        (s.job.name, percent(s.points.f1), percent(s.points.recall), percent(s.points.specificity))
        for s in scores
        if s.points is not None
    ]
    return grid(("job", "F1", "leaking points told", "sound points left alone"), rows)


def degraded_table(rows: Sequence[tuple[str, Score]]) -> str:
    """The same jobs on readings of a worse installation."""
    cells = [
        (s.job.name, how, str(len(s.matched.found)), str(len(s.matched.duplicates)), str(len(s.matched.false)),
         number(s.matched.precision), number(s.matched.recall), number(s.matched.f1))
        for how, s in rows
    ]  # fmt: skip
    return grid(("job", "readings", "found", "again", "false", "precision", "recall", "F1"), cells)


def rooms_table(rows: Sequence[tuple[str, RoomsAccused]]) -> str:
    """Alerts about appliances, room by room."""
    cells = [
        (name, f"{a.accused} of {a.repeated}", f"{a.wrongly} of {a.without}", f"{a.room_days:.0f}") for name, a in rows
    ]
    return grid(("set", "rooms with two uses or more accused", "rooms without a use accused", "room-days"), cells)


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def number(figure: float, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return "-" if math.isnan(figure) else f"{figure:.{digits}f}"


def _row(s: Score) -> tuple[str, ...]:
    m = s.matched
    has_events = bool(m.found or m.missed)
    thumb = TRIVIAL[s.job.trivial].words if s.job.trivial else ""
    return (
        s.job.name, s.job.data, s.half.value,
        *((str(len(m.found) + len(m.missed)), str(len(m.found)), str(len(m.duplicates)), str(len(m.false)))
          if has_events else ("-",) * 4),
        number(m.precision), number(m.recall), number(m.f1) + _interval(s.interval),
        f"{number(s.chance.mean)}, {number(s.chance.p95)}",
        f"{number(s.trivial.f1)} ({thumb})" if thumb else "-",
        *_delays(m.delays_h()), _quiet(s), percent(s.loss_rate), percent(s.loss_total), number(s.seconds_per_1000, 0),
    )  # fmt: skip


def _quiet(s: Score) -> str:
    if math.isnan(s.quiet_rate):
        return "-"
    return number(s.quiet_rate, 3) + (f" ({number(s.trivial_quiet_rate, 3)})" if s.job.trivial else "")


def _interval(bounds: tuple[float, float]) -> str:
    return "" if math.isnan(bounds[0]) else f" ({bounds[0]:.2f} to {bounds[1]:.2f})"


def percent(figure: float) -> str:
    """A share in per cent, or a dash."""
    return "-" if math.isnan(figure) else f"{100 * figure:.0f} %"


def _delays(delays: Sequence[float]) -> tuple[str, str]:
    if not delays:
        return "-", "-"
    return f"{np.median(delays):.1f}", f"{np.quantile(delays, 0.9):.1f}"


def _zone(z: ZoneScore) -> tuple[str, ...]:
    return (
        f"{z.told} of {z.events}", f"{z.between[0]} of {z.between[1]}", f"{z.inside[0]} of {z.inside[1]}",
        number(z.false_a_year, 1), number(z.anywhere),
        f"{number(z.anywhere_chance.mean)}, {number(z.anywhere_chance.p95)}",
    )  # fmt: skip
