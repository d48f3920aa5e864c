"""How cautious people have made the rules here, and what use is planned, as the templates need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from alerts.feedback import Caution
from alerts.values import Outcome
from api.feedback.book import SHOWN_AFTER, AlertsNamed, ListedUse, book_of, cautions_within, planned_uses
from api.parts import ApiParts
from api.web.rendering import Reader
from api.web.wording import N_, OUTCOMES, TITLES
from metering.feedback import RESET

NOTICES = {
    "times": N_("Give a begin and a later end, at most a year apart."),
    "text": N_("The text is too long."),
    "gone": N_("This planned use is no longer there."),
    "alert": N_("It is the outcome of an alert: withdraw that."),
    "changed": N_("Somebody else changed it meanwhile: look at it again."),
    "past": N_("What is over stays as it was; what has begun keeps its place and begin."),
    "expected": N_("The size must be a number."),
}


@dataclass(frozen=True, slots=True)
class Said:
    """One word that counts, in the reader's language; `alert` None: a reset, or one that the reader does not see."""

    label: str
    alert: str | None
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CautionLine:
    """One rule and meter."""

    rule: str
    title: str
    meter: str
    factor: float
    words: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """The sections of a place, a meter, or the whole site (`node` None)."""

    node: str | None
    cautions: tuple[CautionLine, ...]
    plans: tuple[ListedUse, ...]
    now: datetime
    notice: str
    named: AlertsNamed


def feedback_of_meter(parts: ApiParts, reader: Reader, meter: str) -> tuple[CautionLine, ...]:
    """How cautious the rules are about one meter."""
    named = AlertsNamed(reader.alerts)
    return tuple(_line(c, reader, named) for c in book_of(parts).cautions([meter]))


def build_feedback_view(parts: ApiParts, reader: Reader, node: str | None, query: Mapping[str, str]) -> FeedbackView:
    """What people said of a place and all below it, or of the whole site."""
    book, now, named = book_of(parts), parts.now(), AlertsNamed(reader.alerts)
    notice = NOTICES.get(query.get("notice", ""), "")
    return FeedbackView(
        node=node,
        cautions=tuple(_line(c, reader, named) for c in cautions_within(book, reader.reach, node)),
        plans=tuple(planned_uses(book, reader.reach, now - SHOWN_AFTER, node)),
        now=now,
        notice=reader.wording.gettext(notice) if notice else "",
        named=named,
    )


def _line(caution: Caution, reader: Reader, named: AlertsNamed) -> CautionLine:
    gettext = reader.wording.gettext
    words = tuple(
        Said(
            gettext(N_("Reset") if word.outcome == RESET else OUTCOMES[Outcome(word.outcome)]),
            named.told(word.alert_id),
            word.who,
            word.at,
        )
        for word in caution.words
    )
    return CautionLine(caution.rule, gettext(TITLES[caution.rule]), caution.subject, caution.caution, words)
