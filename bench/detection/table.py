"""Scores as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from bench.detection.goals import Goal
from bench.detection.jobs import Job, Part
from bench.detection.rooms import RoomsAccused
from bench.detection.scoring import Score, ZoneScore
from bench.detection.speed import Speed
from bench.detection.trivial import TRIVIAL

HEAD = (
    "job", "data", "meters", "events", "found", "again", "false", "precision", "recall", "F1 (95 %)",
    "chance: mean, 95th", "rule of thumb: F1", "median h", "90 % h",
    "false a meter-month untouched (95 %); rule of thumb", "loss rate off", "total off", "s per 1,000 meter-years",
)  # fmt: skip

POINT_WORDS = """Half hour by half hour, as LeakDB's figures are (Vrachimis et al., WDSA/CCWI 2018): in a leak or not,
and between `detected_at` and `closed_at` of an alert or not. Early detection: a leak's window reaches from its start to
ten half hours after its end, w half hours; the first one told is d after the start. It scores 2 / (1 + exp(5 d / w)) if
more than 75 % of the window from d on are told, else 0; mean of all leaks. Published for the night rule, on LeakDB's
own simulation: F1 56.5 and early detection 45.9, at two settings. As published it marks a day from its midnight on,
before that day's least flow is known. Dice: as many alerts as ours, as long, at random times."""
DEGRADED_WORDS = """On degraded copies: 5 % of the readings lost; registers that count in 10 L or 1 kWh; each meter's
clock 20 to 50 minutes wrong for three days (a tenth of the time where that is less); each register reset, or run over,
once. Flows and powers are no registers."""


def main_table(scores: Iterable[Score]) -> str:
    """A row a job."""
    return grid(HEAD, [_row(s) for s in scores])


def part_table(scores: Iterable[Score]) -> str:
    """Jobs broken down by kind and size."""
    rows = [
        (s.job.name, s.job.data, _part(s.job, p.part), str(p.events), str(p.found),
         str(p.in_time) if math.isfinite(p.part.within_h) else "",
         *_delays(p.delays))
        for s in scores for p in s.parts if p.events
    ]  # fmt: skip
    return grid(("job", "data", "part", "events", "found", "in time", "median h", "90 % h"), rows)


def zone_table(scores: Iterable[Score]) -> str:
    """Whether the alerts of zones stood at the right place."""
    rows = [(s.job.name, s.job.data, *_zone(s.zone)) for s in scores if s.zone is not None]
    head = ("job", "data", "told anywhere", "between: right of told", "inside: right of told", "false a zone-year",
            "F1 by time alone", "chance: mean, 95th")  # fmt: skip
    return grid(head, rows)


def point_table(scores: Iterable[Score]) -> str:
    """Half hour by half hour."""
    rows = [
        (s.job.name, s.job.data, row.by, number(100 * row.points.f1, 1), number(100 * row.points.recall, 1),
         number(100 * row.points.specificity, 1), number(100 * row.points.early, 1), number(row.event_f1))
        for s in scores for row in s.points
    ]  # fmt: skip
    head = ("job", "data", "by", "F1 %", "leaking points told (TPR) %", "sound points left alone (TNR) %",
            "early detection %", "event F1")  # fmt: skip
    return grid(head, rows)


def degraded_table(rows: Sequence[tuple[str, Score]]) -> str:
    """The same jobs on readings of a worse installation."""
    cells = [
        (s.job.name, s.job.data, how, *_counts(s), number(s.matched.precision), number(s.matched.recall),
         number(s.matched.f1), number(s.quiet_rate, 3))
        for how, s in rows
    ]  # fmt: skip
    head = ("job", "data", "readings", "events", "found", "again", "false", "precision", "recall", "F1",
            "false a meter-month untouched")  # fmt: skip
    return grid(head, cells)


def rooms_table(rows: Sequence[tuple[Job, RoomsAccused]]) -> str:
    """Alerts about appliances, room by room."""
    cells = [
        (job.source, job.data, f"{a.accused} of {a.repeated}", f"{a.wrongly} of {a.without}", f"{a.room_days:.0f}")
        for job, a in rows
    ]
    return grid(
        ("set", "data", "rooms with two uses or more accused", "rooms without a use accused", "room-days"), cells
    )


def goal_table(goals: Iterable[Goal]) -> str:
    """What was to be reached, and was."""
    rows = [
        (g.job if isinstance(g.job, str) else g.job.name, "made" if isinstance(g.job, str) else g.job.data, g.what,
         f"{'at most' if g.is_most else 'at least'} {g.to_reach:.4g} {g.unit}".strip(),
         f"{number(g.measured)} {g.unit}".strip(), "yes" if g.is_reached else "**no**")
        for g in goals
    ]  # fmt: skip
    return grid(("job", "data", "figure", "to reach", "measured", "reached"), rows)


def speed_table(s: Speed) -> str:
    """One row."""
    head = ("job", "data", "intervals", "detectors, CPU s", "readings to alerts, CPU s", "most memory held, MB",
            "s per 1,000 meter-years")  # fmt: skip
    row = (f"{s.meters:,} meters, {s.days} days at 15 min, all detectors", f"made, seed {s.seed}", f"{s.intervals:,}",
           f"{s.detectors_s:.1f}", f"{s.whole_s:.1f}", f"{s.memory_mb:.0f}",
           f"{s.whole_s * 1000 / s.meters * 365.25 / s.days:.0f}")  # fmt: skip
    return grid(head, [row])


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def number(figure: float, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return "-" if math.isnan(figure) else f"{figure:.{digits}f}"


def _part(job: Job, part: Part) -> str:
    is_sized = part.low or part.high < math.inf
    return f"{part.name} {job.share.value}".strip() if is_sized else part.name


def _row(s: Score) -> tuple[str, ...]:
    m = s.matched
    thumb = TRIVIAL[s.job.trivial].words if s.job.trivial in TRIVIAL else s.job.trivial
    return (
        s.job.name, s.job.data, s.half.value,
        *_counts(s),
        number(m.precision), number(m.recall), number(m.f1) + _interval(s.interval),
        f"{number(s.chance.mean)}, {number(s.chance.p95)}",
        f"{number(s.trivial.f1)} ({thumb})" if thumb else "-",
        *_delays(m.delays_h()), _quiet(s), percent(s.loss_rate), percent(s.loss_total), number(s.seconds_per_1000, 0),
    )  # fmt: skip


def _counts(s: Score) -> tuple[str, ...]:
    m = s.matched
    if not (m.found or m.missed):
        return ("-",) * 4
    return str(len(m.found) + len(m.missed)), str(len(m.found)), str(len(m.duplicates)), str(len(m.false))


def _quiet(s: Score) -> str:
    if math.isnan(s.quiet_rate):
        return "-"
    between = "" if math.isnan(s.quiet_interval[0]) else " ({:.3f} to {:.3f})".format(*s.quiet_interval)
    thumb = "" if math.isnan(s.trivial_quiet_rate) else f"; {number(s.trivial_quiet_rate, 3)}"
    return number(s.quiet_rate, 3) + between + thumb


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
