"""The page of the figures, as its template needs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from alerts.statistics.figures import Figures, Line
from api.statistics.asked import Asked, months_back
from api.web.rendering import Reader
from api.web.statistics.words import STEP_WORDS
from api.web.wording import CATEGORIES, N_

_HOUR_S = 3600
_HALF_YEAR, _YEAR = 6, 12
_STEPS_DRAWN = ("detect", "acknowledge", "repair")


@dataclass(frozen=True, slots=True)
class Choice:
    """A period that one click asks for."""

    label: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture: a value a name and series, None where there is none. `kind` is `bar` or `line`."""

    title: str
    kind: str
    unit: str
    names: tuple[str, ...]
    series: tuple[dict[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """What the script is given."""
        return {"kind": self.kind, "unit": self.unit, "names": self.names, "series": self.series}


@dataclass(frozen=True, slots=True)
class Table:
    """Lines of one kind: a title, the heading of the names, and (label, line) each."""

    id: str
    title: str
    heading: str
    rows: tuple[tuple[str, Line], ...]


@dataclass(frozen=True, slots=True)
class StatisticsView:
    """The whole page. `first` and `last` are the local days of the period, both included."""

    figures: Figures
    first: date
    last: date
    choices: tuple[Choice, ...]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    places: tuple[tuple[str, str], ...]
    chosen: dict[str, str]
    missed: int

    @property
    def workbook(self) -> str:
        """Where the same is as a workbook."""
        return f"/api/v1/statistics/workbook?{urlencode(self.chosen)}"


def days_of(asked: Asked) -> tuple[date, date]:
    """The local days of the period, both included."""
    zone, moment = asked.reach.site.zone, timedelta(milliseconds=1)
    return asked.wanted.since.astimezone(zone).date(), (asked.wanted.until - moment).astimezone(zone).date()


def build_statistics(asked: Asked, reader: Reader) -> StatisticsView:
    """Reads the records once."""
    figures = asked.figures()
    first, last = days_of(asked)
    kept = {"node": asked.node, "category": asked.wanted.category, "medium": asked.wanted.medium}
    kept = {name: value for name, value in kept.items() if value}
    period = {"start": first.isoformat(), "end": (last + timedelta(days=1)).isoformat()}
    return StatisticsView(
        figures=figures,
        first=first,
        last=last,
        choices=tuple(_choices(asked, reader, period, {k: v for k, v in kept.items() if v})),
        charts=_charts(figures, reader, asked.parts.prices.currency),
        tables=_tables(figures, reader),
        places=tuple((n.id, n.name or n.id) for n in reader.site.nodes.values() if n.kind in ("zone", "building")),
        chosen={**period, **{k: v for k, v in kept.items() if v}, "language": reader.language},
        missed=sum(m.count for m in figures.missed),
    )


def _choices(asked: Asked, reader: Reader, period: dict[str, str], kept: dict[str, str]) -> Iterable[Choice]:
    today = asked.parts.now().astimezone(asked.reach.site.zone).date()
    tomorrow, month = today + timedelta(days=1), months_back(today, 0)
    spans = [
        (N_("This month"), month, tomorrow),
        (N_("Last month"), months_back(today, 1), month),
        (N_("Half a year"), months_back(today, _HALF_YEAR - 1), tomorrow),
        (N_("A year"), months_back(today, _YEAR - 1), tomorrow),
    ]
    terms = [t for t in asked.reach.site.calendar.terms if t.first <= today]
    if terms:
        term = max(terms, key=lambda t: t.first)
        spans.insert(2, (N_("Latest term"), term.first, min(term.last + timedelta(days=1), tomorrow)))
    for label, first, end in spans:
        days = {"start": first.isoformat(), "end": end.isoformat()}
        address = f"/statistics?{urlencode({**days, **kept})}"
        yield Choice(reader.wording.gettext(label), address, is_chosen=days == period)


def _charts(figures: Figures, reader: Reader, currency: str) -> tuple[Chart, ...]:
    """By month. Each stands in the table below too."""
    say, lines = reader.wording.gettext, figures.by_month
    names = tuple(line.name for line in lines)

    def counts(text: str, member: str, colour: str) -> dict[str, Any]:
        return {"name": say(text), "colour": colour, "values": [getattr(line.counts, member) for line in lines]}

    def losses(text: str, member: str, colour: str) -> dict[str, Any]:
        return {"name": say(text), "colour": colour, "values": [getattr(line.losses, member) for line in lines]}

    found = (counts(N_("Alerts found"), "found", "--av-info"), counts(N_("Cleared"), "cleared", "--av-ok"),
             counts(N_("Repeat leaks"), "repeats", "--av-critical"))  # fmt: skip
    colours = ("--av-water", "--av-power", "--av-critical")
    medians = tuple(
        {"name": say(STEP_WORDS[step]), "colour": colour,
         "values": [None if (m := line.steps[step].median_s) is None else round(m / _HOUR_S, 2) for line in lines]}
        for step, colour in zip(_STEPS_DRAWN, colours, strict=True)
    )  # fmt: skip
    lost = losses(N_("Lost"), "money_lost", "--av-critical")
    saved = losses(N_("Saved, an estimate"), "money_saved", "--av-ok")
    return (
        Chart(say(N_("Found and mended, by month")), "bar", "", names, found),
        Chart(say(N_("How long the steps took: medians")), "line", say(N_("hours")), names, medians),
        Chart(say(N_("Lost and saved, by month")), "bar", currency, names, (lost, saved)),
    )


def _tables(figures: Figures, reader: Reader) -> tuple[Table, ...]:
    say = reader.wording.gettext
    names = {n.id: n.name or n.id for n in reader.site.nodes.values()}
    kinds = {c.value: say(text) for c, text in CATEGORIES.items()}
    given: tuple[tuple[str, str, str, tuple[Line, ...], dict[str, str]], ...] = (
        ("months", N_("By month"), N_("Calendar month"), figures.by_month, {}),
        ("terms", N_("By term"), N_("Term"), figures.by_term, {}),
        ("zones", N_("By zone"), N_("Place"), figures.by_zone, names),
        ("buildings", N_("By building"), N_("Place"), figures.by_building, names),
        ("kinds", N_("By kind"), N_("Kind"), figures.by_category, kinds),
    )
    return tuple(
        Table(table, say(title), say(heading), tuple((labels.get(line.name, line.name), line) for line in lines))
        for table, title, heading, lines, labels in given
        if lines
    )
