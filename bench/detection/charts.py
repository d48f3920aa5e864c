"""A chart of every missed event and every false alarm, so that a person can look. Needs matplotlib."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.detection.events import HOUR_MS, Alarm, Event
from bench.detection.hours import Hours, hours
from bench.detection.scoring import Score
from bench.detection.sets import DataSet

BEFORE_H, AFTER_H, LONGEST_H = 21 * 24, 5 * 24, 60 * 24
LINES = {"again": "tab:orange", "false": "tab:red", "found": "tab:green"}


class NoChartsError(Exception):
    """matplotlib is not installed."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One chart: around what, and its file's name."""

    name: str
    title: str
    place: str
    start: int
    end: int


def draw(score: Score, source: DataSet | None, quiet: DataSet | None, folder: Path) -> int:
    """Charts of a score into `folder`/JOB; how many.

    Raises:
        NoChartsError: matplotlib is missing.
    """
    pyplot = _pyplot()
    where = folder / _file_name(score.job.key)
    where.mkdir(parents=True, exist_ok=True)
    count = 0
    if source is not None:
        events = [e for e, _ in score.matched.found] + score.matched.missed
        count += _draw(pyplot, subjects(score), hours(source), events, _lines(score), where)
    if quiet is not None:
        untouched = [_of_alarm("untouched", i, a) for i, a in enumerate(score.quiet_alarms)]
        count += _draw(pyplot, untouched, hours(quiet), [], [(a, "false") for a in score.quiet_alarms], where)
    return count


def subjects(score: Score) -> list[Subject]:
    """What is drawn: missed events first, then false alarms."""
    missed = [
        Subject(f"missed-{e.id}", f"missed: {e.kind} of {e.size:g} {e.unit} at {e.place}", e.place, e.start, e.end)
        for e in score.matched.missed
    ]
    return missed + [_of_alarm("false", i, a) for i, a in enumerate(score.matched.false)]


def _of_alarm(word: str, number: int, alarm: Alarm) -> Subject:
    title = f"{word}: {alarm.rule} at {alarm.place}, says {alarm.size:.3g}"
    return Subject(f"{word}-{number:03d}-{alarm.place}", title, alarm.place, alarm.at, alarm.until or alarm.at)


def _lines(score: Score) -> list[tuple[Alarm, str]]:
    found = [(a, "found") for _, a in score.matched.found]
    return found + [(a, "again") for a in score.matched.duplicates] + [(a, "false") for a in score.matched.false]


def _draw(
    pyplot: Any, wanted: Sequence[Subject], known: Hours, events: Sequence[Event],
    lines: Sequence[tuple[Alarm, str]], where: Path,
) -> int:  # fmt: skip
    for subject in wanted:
        figure, axes = pyplot.subplots(figsize=(12, 3.2))
        first, last = _window(known, subject)
        at = [_moment((known.first + h) * HOUR_MS) for h in range(first, last)]
        axes.step(at, known.of(subject.place)[first:last], where="post", linewidth=0.7)
        for event in _near(events, subject, known, first, last):
            axes.axvspan(_moment(event.start), _moment(event.end), alpha=0.15, color="tab:blue")
        for alarm, word in lines:
            if alarm.place == subject.place and first <= alarm.at // HOUR_MS - known.first < last:
                axes.axvline(_moment(alarm.at), color=LINES[word], linewidth=1.2)
        axes.set_xlim(at[0], at[-1])
        axes.set_ylim(bottom=0)
        axes.set_title(subject.title, fontsize=9)
        axes.set_ylabel("m³/h or kW, hour's mean", fontsize=8)
        figure.savefig(where / f"{_file_name(subject.name)}.png", dpi=80, bbox_inches="tight")
        pyplot.close(figure)
    return len(wanted)


def _window(known: Hours, subject: Subject) -> tuple[int, int]:
    start, end = (t // HOUR_MS - known.first for t in (subject.start, subject.end))
    first = int(np.clip(start - BEFORE_H, 0, len(known.rate) - 2))
    return first, int(np.clip(min(end, start + LONGEST_H) + AFTER_H, first + 2, len(known.rate)))


def _near(events: Sequence[Event], subject: Subject, known: Hours, first: int, last: int) -> Iterator[Event]:
    for event in events:
        is_seen = event.start // HOUR_MS - known.first < last and event.end // HOUR_MS - known.first > first
        if event.place == subject.place and is_seen:
            yield event


def _pyplot() -> Any:
    try:
        import matplotlib as mpl  # noqa: PLC0415 -- only charts need it
    except ImportError as error:
        raise NoChartsError("charts need matplotlib: pip install 'matplotlib>=3.9'") from error
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    return plt


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)
