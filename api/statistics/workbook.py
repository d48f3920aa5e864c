"""Figures as an XLSX workbook. Rows go to disk as they are written, so many alerts take little memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alerts.statistics.cases import Cases, Column
from alerts.statistics.durations import lengths_of
from alerts.statistics.figures import Figures, Line
from api.problems import Problem
from api.statistics.asked import Asked
from api.web.account_words import ROLES
from api.web.rendering import Reader
from api.web.statistics.words import COUNT_WORDS, MISSED_STEPS, STEP_WORDS, discovery_text
from api.web.wording import CATEGORIES, MEDIA, N_, OUTCOMES, SEVERITIES
from metering.batch import to_ms
from metering.windows import offset_minutes

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_048_000  # of a sheet, less its head
_DAY_S, _DAY_MS, _STEP_MS = 86_400, 86_400_000, 900_000
_EXCEL_EPOCH = 25_569  # days from Excel's day 0 to 1970
_FORMATS = {"number": "#,##0.##", "count": "#,##0", "moment": "yyyy-mm-dd hh:mm", "span": "[h]:mm:ss", "text": "@"}
_LOSS_WORDS = {
    "water_lost_m3": N_("Water lost, m³"), "electricity_lost_kwh": N_("Electricity lost, kWh"),
    "money_lost": N_("Lost, %(currency)s"), "water_saved_m3": N_("Water saved, m³"),
    "electricity_saved_kwh": N_("Electricity saved, kWh"), "money_saved": N_("Saved, %(currency)s"),
    "money_spent": N_("Repairs cost, %(currency)s"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Column:
    """A heading, the kind of its cells, and how wide it is."""

    heading: str
    kind: str = "count"
    width: int = 12


@dataclass(slots=True)
class _Book:
    """The workbook being written, in one language."""

    book: Any
    formats: dict[str, Any]
    reader: Reader
    asked: Asked

    def say(self, text: str, **parameters: Any) -> str:
        return self.reader.wording.gettext(text) % parameters if parameters else self.reader.wording.gettext(text)

    def sheet(self, name: str, columns: Sequence[_Column]) -> Callable[[Sequence[Any]], None]:
        """A sheet with its head; gives what writes a row."""
        sheet, row = self.book.add_worksheet(name[:31]), 0
        sheet.freeze_panes(1, 1)
        for i, column in enumerate(columns):
            sheet.set_column(i, i, column.width)
            sheet.write_string(0, i, column.heading, self.formats["head"])
        kinds = [c.kind for c in columns]

        def write(values: Sequence[Any]) -> None:
            nonlocal row
            row += 1
            for i, value in enumerate(values):
                if value is None or value != value:  # noqa: PLR0124 - NaN: an empty cell
                    continue
                if kinds[i] == "text":  # never a formula, whatever a name begins with
                    sheet.write_string(row, i, str(value))
                else:
                    sheet.write_number(row, i, value, self.formats[kinds[i]])

        return write


def write_workbook(figures: Figures, asked: Asked, reader: Reader) -> Path:
    """The workbook in a file of its own, which the caller takes away.

    Raises:
        Problem: 422, more alerts than a sheet has rows.
    """
    if len(figures.cases) > MOST_ROWS:
        raise Problem(422, f"A sheet has {MOST_ROWS:,} rows and the period {len(figures.cases):,} alerts: shorten it.")
    import xlsxwriter  # noqa: PLC0415 - takes memory that few need

    with tempfile.NamedTemporaryFile(prefix="aquavolt-", suffix=".xlsx", delete=False) as file:
        path = Path(file.name)
    try:
        book = xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": _FORMATS["moment"]})
        formats = {kind: book.add_format({"num_format": code}) for kind, code in _FORMATS.items()}
        formats["head"] = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        _fill(_Book(book, formats, reader, asked), figures)
        book.close()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _fill(book: _Book, figures: Figures) -> None:
    _write_basis(book, figures)
    names = {n.id: n.name or n.id for n in book.reader.site.nodes.values()}
    kinds = {c.value: book.say(text) for c, text in CATEGORIES.items()}
    for title, lines, labels in (
        (N_("By month"), figures.by_month, {}), (N_("By term"), figures.by_term, {}),
        (N_("By zone"), figures.by_zone, names), (N_("By building"), figures.by_building, names),
        (N_("By kind"), figures.by_category, kinds),
    ):  # fmt: skip
        write = book.sheet(book.say(title), _line_columns(book))
        for line in (*lines, figures.total):
            write([labels.get(line.name, line.name) or book.say(N_("All")), *_line_cells(line)])
    _write_repeats(book, figures, names)
    _write_missed(book, figures, kinds)
    _write_scorecards(book)
    _write_alerts(book, figures.cases, names, kinds)


def _line_columns(book: _Book) -> list[_Column]:
    currency = book.asked.parts.prices.currency
    counts = [_Column(book.say(text)) for text in COUNT_WORDS.values()]
    steps = [
        _Column(book.say(said, step=book.say(step)), kind, 14)
        for step in STEP_WORDS.values()
        for said, kind in ((N_("%(step)s: count"), "count"), (N_("%(step)s: median"), "span"),
                           (N_("%(step)s: 9 in 10"), "span"))
    ]  # fmt: skip
    losses = [_Column(book.say(text, currency=currency), "number", 14) for text in _LOSS_WORDS.values()]
    return [_Column("", "text", 28), *counts, *steps, *losses]


def _line_cells(line: Line) -> list[Any]:
    steps = [
        cell
        for step in STEP_WORDS
        for spread in (line.steps[step],)
        for cell in (spread.count, _days(spread.median_s), _days(spread.p90_s))
    ]
    counts = [getattr(line.counts, name) for name in COUNT_WORDS]
    return [*counts, *steps, *(getattr(line.losses, name) for name in _LOSS_WORDS)]


def _days(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / _DAY_S


def _write_basis(book: _Book, figures: Figures) -> None:
    """What the figures are of, and what they rest on."""
    asked, formats = book.asked, book.reader.formats
    write = book.sheet(book.say(N_("Basis")), [_Column("", "text", 34), _Column("", "text", 60)])
    found = book.reader.wording
    write([book.say(N_("Site")), book.reader.site.name])
    period = f"{formats.full(asked.wanted.since)} – {formats.full(asked.wanted.until)}"
    write([book.say(N_("Period")), period])
    write([book.say(N_("Place")), found.place_name(asked.node) if asked.node else book.say(N_("All that you see"))])
    write([book.say(N_("Alerts")), str(figures.total.counts.found)])
    for medium, price in asked.valuing.prices.items():
        unit = "m³" if medium == "water" else "kWh"
        write([book.say(N_("Price of %(medium)s"), medium=book.say(MEDIA[medium])),
               f"{price} {asked.parts.prices.currency} / {unit}"])  # fmt: skip
    write([book.say(N_("Saved, an estimate")), discovery_text(asked.parts.discovery, book.reader)])


def _write_repeats(book: _Book, figures: Figures, names: dict[str, str]) -> None:
    columns = [
        _Column(book.say(N_("Alert")), "text", 24), _Column(book.say(N_("Place")), "text", 28),
        _Column(book.say(N_("Detected")), "moment", 17), _Column(book.say(N_("The one before")), "text", 24),
        _Column(book.say(N_("Its place")), "text", 28), _Column(book.say(N_("Days between")), "number"),
    ]  # fmt: skip
    write = book.sheet(book.say(N_("Repeat leaks")), columns)
    raised = _moments(np.array([r.raised_ms for r in figures.repeats], np.float64), book)
    for repeat, at in zip(figures.repeats, raised, strict=True):
        places = [names.get(n, n) for n in (repeat.node, repeat.before_node)]
        write([repeat.alert_id, places[0], at, repeat.before_id, places[1], repeat.days_between])


def _write_missed(book: _Book, figures: Figures, kinds: dict[str, str]) -> None:
    headings = [
        (N_("Step"), "text", 20),
        (N_("Role"), "text", 24),
        (N_("Kind"), "text", 20),
        (N_("Missed"), "count", 12),
    ]
    columns = [_Column(book.say(text), kind, width) for text, kind, width in headings]
    write = book.sheet(book.say(N_("Missed deadlines")), columns)
    roles = {role.value: book.say(text) for role, text in ROLES.items()} | {"": book.say(N_("Nobody"))}
    other = book.say(N_("Order without an alert"))
    for missed in figures.missed:
        kind = kinds[missed.category] if missed.category else other
        write([book.say(MISSED_STEPS[missed.step]), roles.get(missed.role, missed.role), kind, missed.count])


def _write_scorecards(book: _Book) -> None:
    headings = (
        (N_("Contractor"), "text"), (N_("Orders given"), "count"), (N_("Done"), "count"), (N_("In time"), "count"),
        (N_("Of those due"), "count"), (N_("Opened again"), "count"), (N_("Rating"), "number"), (N_("Rated"), "count"),
        (N_("To start: median"), "span"), (N_("To repair: median"), "span"), (N_("To repair: 9 in 10"), "span"),
        (N_("Missed deadlines"), "count"), (N_("Repairs cost, %(currency)s"), "number"),
    )  # fmt: skip
    currency = book.asked.parts.prices.currency
    columns = [
        _Column(book.say(text, currency=currency), kind, 22 if kind == "text" else 13) for text, kind in headings
    ]
    write = book.sheet(book.say(N_("Contractors")), columns)
    for card in book.asked.scorecards():
        write([
            card.contractor, card.given, card.done, card.in_time, card.timed, card.reopened, card.rating, card.rated,
            _days(card.to_start.median_s), _days(card.to_repair.median_s), _days(card.to_repair.p90_s), card.missed,
            card.cost if card.priced else None,
        ])  # fmt: skip


def _write_alerts(book: _Book, cases: Cases, names: dict[str, str], kinds: dict[str, str]) -> None:
    """One line an alert, its times on the site's clock."""
    said = [
        (N_("Alert"), "text", 24), (N_("Place"), "text", 28), (N_("Kind"), "text", 16), (N_("Medium"), "text", 12),
        (N_("Severity"), "text", 12), (N_("Outcome"), "text", 16), (N_("Assigned to"), "text", 18),
        (N_("Detected"), "moment", 17), (N_("Onset"), "moment", 17), (N_("Told"), "moment", 17),
        (N_("Acknowledged"), "moment", 17), (N_("Cleared"), "moment", 17),
    ]  # fmt: skip
    columns = [_Column(book.say(text), kind, width) for text, kind, width in said]
    columns += [_Column(book.say(text), "span", 14) for text in STEP_WORDS.values()]
    columns += [_Column(book.say(text), "number", 14) for text in (N_("Lost, m³ or kWh"), N_("Saved, m³ or kWh"))]
    write = book.sheet(book.say(N_("Alerts")), columns)
    words = (
        names, kinds, {m: book.say(t) for m, t in MEDIA.items()},
        {s.value: book.say(t) for s, t in SEVERITIES.items()}, {o.value: book.say(t) for o, t in OUTCOMES.items()},
    )  # fmt: skip
    named = (cases.node, cases.category, cases.medium, cases.severity, cases.outcome)
    told = [[known.get(text, text) for text in column] for known, column in zip(words, named, strict=True)]
    texts = [cases.id, *told, cases.assigned_to]
    times = (cases.raised, cases.onset, cases.told, cases.taken, np.where(cases.is_active, np.nan, cases.closed))
    spans = [np.where(c >= 0, c / _DAY_MS, np.nan).tolist() for c in lengths_of(cases).values()]
    numbers = [*(_moments(c, book) for c in times), *spans, cases.lost.tolist(), cases.saved.tolist()]
    for row in zip(*texts, *numbers, strict=True):
        write(row)


def _moments(times_ms: Column, book: _Book) -> list[float]:
    """Excel's days, on the site's clock; NaN where there is none."""
    known = np.nan_to_num(times_ms, nan=float(to_ms(book.asked.wanted.since).astype(np.int64)))
    offsets = offset_minutes((known // _STEP_MS).astype(np.int64), book.reader.site.zone) * 60_000
    days: list[float] = ((times_ms + offsets) / _DAY_MS + _EXCEL_EPOCH).tolist()
    return days
