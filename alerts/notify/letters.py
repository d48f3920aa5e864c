"""The words of every notification: of one alert in full, of several as a summary, digests, holes and tests. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alerts.channel import Message
from alerts.due import Due
from alerts.figures import rate_text, time_text
from alerts.messages import MessageWriter, alert_link, headline, labelled, one_line, place_text
from alerts.playbook import Playbook, shipped_playbook
from alerts.routing.receivers import Why
from alerts.rows import moment_of
from alerts.values import Alert, Clock, Delivery, NotifyReason, utc_now
from alerts.weights import worst
from alerts.words import Language, word
from metering.site import Site

SHOWN = 5  # alerts that a summary names one by one, and places it counts
_SAID_WHY = frozenset({Why.STANDS_IN, Why.HOLE, Why.UNREACHABLE, Why.NOBODY})


@dataclass(frozen=True, slots=True)
class Link:
    """Where a message leads, and whether who follows it may take the alerts there without signing in."""

    url: str
    takes: bool = False


@dataclass(frozen=True, slots=True)
class LetterWriter:
    """Writes the messages of one site. Call it as the outbox's `compose`.

    site     the site as it is now (it may be reloaded)
    link_of  the link of a notification; None: the page of its first alert, or of the list
    playbook what to do next
    """

    site: Callable[[], Site]
    page_base: str
    clock: Clock = utc_now
    link_of: Callable[[Delivery], Link | None] = lambda _: None
    playbook: Playbook = field(default_factory=shipped_playbook)

    def __call__(self, due: Due) -> dict[Language, Message]:
        """The message in every language."""
        link = self.link_of(due.delivery) or Link(self._page(due))
        return {language: self._write(due, link, language) for language in Language}

    def _page(self, due: Due) -> str:
        if (order := due.delivery.detail.get("order")) is not None:
            return f"{self.page_base}/orders/{order}"
        return alert_link(self.page_base, due.alerts[0].id) if len(due.alerts) == 1 else f"{self.page_base}/"

    def _write(self, due: Due, link: Link, language: Language) -> Message:
        message = self._written(due, link, language)
        return message if due.delivery.drill is None else stamped(message, language)

    def _written(self, due: Due, link: Link, language: Language) -> Message:
        reason, detail, site = due.delivery.reason, due.delivery.detail, self.site()
        if reason in _NOTICES:
            return _notice(reason, detail, due.alerts, site, link, language)
        why = _why(detail, language)
        if len(due.alerts) > 1:
            return summary(due.alerts, reason, site, link, language, why)
        (alert,) = due.alerts
        writer = MessageWriter(self.site, self.page_base, self.clock, self.playbook)
        return writer.write(alert, reason, language, link=link.url, why=why, takes=link.takes)


def stamped(message: Message, language: Language) -> Message:
    """The message of a drill: it says so before all else, in its title and in its text."""
    title = one_line(f"{word('drill.stamp', language)} {message.title}")
    return Message(title, f"{word('drill.text', language)}\n{message.text}", message.link)


def _why(detail: dict[str, str], language: Language) -> str:
    why, about = detail.get("why", ""), detail.get("about", "")
    if why not in _SAID_WHY:
        return ""
    return f"{word(f'why.{why}', language)} ({about})" if about else word(f"why.{why}", language)


def summary(
    alerts: Sequence[Alert], reason: NotifyReason, site: Site, link: Link, language: Language, why: str = ""
) -> Message:
    """Several alerts in one message: how many of what, where, the weightiest by name, and the link to all."""
    many = word("summary.many", language).format(count=f"{len(alerts):,}")
    severity = word(f"severity.{worst([a.severity for a in alerts])}", language)
    title = headline(severity, f"{word(f'reason.{reason}', language)} {many}", _where(alerts, site), language)
    return Message(title, "\n".join(_body(alerts, site, link, language, why)), link.url)


def _body(alerts: Sequence[Alert], site: Site, link: Link, language: Language, why: str) -> list[str]:
    def said(key: str, text: str) -> str:
        return labelled(word(key, language), text, language)

    kinds = Counter(word(f"category.{a.category}", language) for a in alerts)
    places = Counter(_building(a, site) for a in alerts)
    lines = [said("summary.counts", _counted(kinds, language)), said("summary.places", _counted(places, language))]
    water = sum(a.loss_rate or 0.0 for a in alerts if a.medium == "water")
    if water > 0:
        lines.append(said("summary.rate", rate_text(water, "water", language)))
    lines += [f"{i}. {_short(alert, site, language)}" for i, alert in enumerate(alerts[:SHOWN], start=1)]
    if len(alerts) > SHOWN:
        lines.append(word("summary.rest", language).format(count=f"{len(alerts) - SHOWN:,}"))
    if why:
        lines.append(said("label.why", why))
    lines.append(said("label.open_and_take" if link.takes else "label.open", link.url))
    return lines


def _counted(counts: Counter[str], language: Language) -> str:
    joint = "、" if language is Language.ZH_CN else ", "
    shown = [f"{name} {count:,}" for name, count in counts.most_common(SHOWN)]
    if len(counts) > SHOWN:
        rest = sum(counts.values()) - sum(count for _, count in counts.most_common(SHOWN))
        shown.append(word("summary.rest", language).format(count=f"{rest:,}"))
    return joint.join(shown)


def _short(alert: Alert, site: Site, language: Language) -> str:
    joint = "，" if language is Language.ZH_CN else ", "
    parts = [word(f"severity.{alert.severity}", language), word(f"category.{alert.category}", language)]
    parts.append(place_text(site, alert.node))
    if alert.loss_rate is not None and alert.loss_rate > 0:
        parts.append(rate_text(alert.loss_rate, alert.medium, language))
    parts.append(time_text(alert.onset_at, site.zone))
    return one_line(joint.join(parts))


def _building(alert: Alert, site: Site) -> str:
    """The building's name, or of what lies above buildings the place's own."""
    if alert.node not in site.nodes:
        return alert.node
    path = site.place_path(alert.node)
    place = next((n for n in path if site.nodes[n].kind == "building"), alert.node)
    return site.nodes[place].name or place


def _where(alerts: Sequence[Alert], site: Site) -> str:
    """The smallest place that holds all of them."""
    paths = [site.place_path(a.node) for a in alerts if a.node in site.nodes]
    if not paths:
        return site.name
    shared = [level[0] for level in zip(*paths, strict=False) if len(set(level)) == 1]
    return place_text(site, shared[-1]) if shared else site.name


def _notice(
    reason: NotifyReason, detail: dict[str, object], alerts: Sequence[Alert], site: Site, link: Link, language: Language
) -> Message:
    """A digest, a hole of the roster or a test: a title, lines, the link."""
    lines = _NOTICES[reason](detail, site, language)
    lines += [f"{i}. {_short(alert, site, language)}" for i, alert in enumerate(alerts[:SHOWN], start=1)]
    lines.append(labelled(word("label.open", language), link.url, language))
    joint = "：" if language is Language.ZH_CN else ": "
    title = one_line(f"{word(f'reason.{reason}', language)}{joint}{detail.get('title') or site.name}")
    return Message(title, "\n".join(lines), link.url)


def _digest_lines(detail: dict[str, object], _site: Site, language: Language) -> list[str]:
    counts = detail.get("counts")
    figures = counts if isinstance(counts, dict) else {}
    if not any(figures.values()):
        return [word("digest.quiet", language)]
    keys = ("open", "waiting", "new", "cleared")
    return [labelled(word(f"digest.{k}", language), f"{figures.get(k, 0):,}", language) for k in keys]


def _roster_lines(detail: dict[str, object], site: Site, language: Language) -> list[str]:
    holes = detail.get("holes")
    return [
        one_line(
            word("roster.hole", language).format(
                start=_local(h["start_ms"], site), end=_local(h["end_ms"], site), duty=h["duty"]
            )
        )
        for h in (holes if isinstance(holes, list) else [])
    ]


def _order_lines(detail: dict[str, object], site: Site, language: Language) -> list[str]:
    lines = [labelled(word("order.place", language), place_text(site, str(detail.get("node"))), language)]
    if detail.get("words"):
        lines.append(labelled(word("order.words", language), one_line(str(detail["words"])), language))
    if isinstance(due_ms := detail.get("due_ms"), int):
        lines.append(labelled(word("order.due", language), _local(due_ms, site), language))
    return lines


def _test_lines(detail: dict[str, object], _site: Site, language: Language) -> list[str]:
    return [one_line(word("test.text", language).format(by=detail.get("by", "")))]


def _local(ms: int, site: Site) -> str:
    moment: datetime = moment_of(ms)
    return time_text(moment, site.zone)


_NOTICES: dict[NotifyReason, Callable[[dict[str, object], Site, Language], list[str]]] = {
    NotifyReason.DIGEST: _digest_lines,
    NotifyReason.ORDER: _order_lines,
    NotifyReason.ROSTER: _roster_lines,
    NotifyReason.TEST: _test_lines,
}
