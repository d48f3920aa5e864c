"""What people are told: place, what, how much, since when, loss so far, next step, link. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from alerts.channel import Message
from alerts.figures import duration_text, rate_text, time_text, total_text
from alerts.values import Alert, NotifyReason
from alerts.words import Language, has_word, reported_text, word
from metering.site import Site

_PLACE_JOINT = " › "


def place_text(site: Site, node: str) -> str:
    """The node's place from the root down, by names; a node that is no longer in the site by its id."""
    if node not in site.nodes:
        return node
    return _PLACE_JOINT.join(site.nodes[n].name or n for n in site.place_path(node))


def alert_link(page_base: str, alert_id: str) -> str:
    """Where the alert's page is, for those who sign in there."""
    return f"{page_base.rstrip('/')}/alerts/{quote(alert_id, safe='')}"


def write_message(
    alert: Alert,
    reason: NotifyReason,
    site: Site,
    link: str,
    now: datetime,
    language: Language,
    *,
    why: str = "",
    takes: bool = False,
) -> Message:
    """The message in one language.

    why    why this receiver is told, where that is not plain (`why.hole`, ...)
    takes  the link itself lets the receiver take the alert
    """
    place = place_text(site, alert.node)
    severity, told = word(f"severity.{alert.severity}", language), word(f"reason.{reason}", language)
    title = headline(severity, f"{told}{colon(language)}{_what(alert, language)}", place, language)
    lines = [("place", place), *_lines(alert, site, now, language)]
    if why:
        lines.append(("why", why))
    lines.append(("open_and_take" if takes else "open", link))
    return Message(title, "\n".join(labelled(word(f"label.{k}", language), t, language) for k, t in lines), link)


def colon(language: Language) -> str:
    """As the language writes it."""
    return "：" if language is Language.ZH_CN else ": "


def headline(severity: str, told: str, place: str, language: Language) -> str:
    """The one line that a lock screen shows."""
    is_chinese = language is Language.ZH_CN
    return one_line(f"【{severity}】{told}，{place}" if is_chinese else f"[{severity}] {told} - {place}")


def labelled(label: str, text: str, language: Language) -> str:
    """A line of a message."""
    return one_line(f"{label}{colon(language)}{text}")


def _what(alert: Alert, language: Language) -> str:
    return word(f"category.{alert.category}", language)


def _lines(alert: Alert, site: Site, now: datetime, language: Language) -> Iterator[tuple[str, str]]:
    """Each line's label and text, of what there is to say."""
    rule, comma = word(f"rule.{alert.rule}", language), "，" if language is Language.ZH_CN else ", "
    yield "what", f"{_what(alert, language)}{comma}{rule}{_aside(alert.subject, language)}"
    if said := reported_text(alert.evidence, language):
        yield "reported", said
    if alert.loss_rate is not None and alert.loss_rate > 0:
        yield "rate", rate_text(alert.loss_rate, alert.medium, language)
    lasting = duration_text((alert.closed_at or now) - alert.onset_at, language)
    yield "since", f"{time_text(alert.onset_at, site.zone)}{_aside(lasting, language)}"
    if alert.loss_total is not None and alert.loss_total > 0:
        yield "loss", total_text(alert.loss_total, alert.medium)
    if alert.acknowledged and alert.acknowledged_by:
        yield "taken", alert.acknowledged_by
    if alert.closed_at is not None:
        yield "cleared", time_text(alert.closed_at, site.zone)
    else:
        yield "next", next_step(alert, language)


def next_step(alert: Alert, language: Language) -> str:
    """What to do: what the rule suggests (a code, a text, or one a language), else what fits the category."""
    suggested = alert.evidence.get("next_step")
    if isinstance(suggested, dict):
        suggested = suggested.get(language.value)
    general = word(f"next.{alert.category}", language)
    if not isinstance(suggested, str) or not suggested:
        return general
    if suggested.isascii() and suggested.isidentifier():  # a code; one of newer rules has no words yet
        return word(f"step.{suggested}", language) if has_word(f"step.{suggested}") else general
    return suggested


def _aside(text: str, language: Language) -> str:
    return f"（{text}）" if language is Language.ZH_CN else f" ({text})"


def one_line(text: str) -> str:
    """Names come from files: a line break in one must not make a header or a line of its own."""
    return " ".join(text.split())
