"""What people are told: place, what, how much, since when, loss so far, next step, link. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from alerts.channel import Message
from alerts.figures import duration_text, rate_text, time_text, total_text
from alerts.playbook import Playbook, shipped_playbook
from alerts.values import Alert, Clock, NotifyReason, utc_now
from alerts.words import Language, back_text, cause_text, pattern_text, reported_text, rule_text, word
from metering.site import Site

_PLACE_JOINT = " › "


def place_text(site: Site, node: str) -> str:
    """The node's place from the root down, by names; a node that is no longer in the site by its id."""
    if node not in site.nodes:
        return node
    return _PLACE_JOINT.join(site.nodes[n].name or n for n in site.place_path(node))


@dataclass(frozen=True, slots=True)
class MessageWriter:
    """Writes messages of one site. Call it as the outbox's `compose`.

    site       the site as it is now (it may be reloaded)
    playbook   what to do next
    page_base  where the pages are seen from a phone, e.g. `https://meters.example.edu`; without a slash at the end
    """

    site: Callable[[], Site]
    page_base: str
    clock: Clock = utc_now
    playbook: Playbook = field(default_factory=shipped_playbook)

    def __call__(self, alert: Alert, reason: NotifyReason) -> dict[Language, Message]:
        """The message in every language."""
        site, now = self.site(), self.clock()
        return {language: self._write(alert, reason, site, now, language) for language in Language}

    def _write(self, alert: Alert, reason: NotifyReason, site: Site, now: datetime, language: Language) -> Message:
        place, link = place_text(site, alert.node), f"{self.page_base.rstrip('/')}/alerts/{quote(alert.id, safe='')}"
        severity, told = word(f"severity.{alert.severity}", language), word(f"reason.{reason}", language)
        title = f"[{severity}] {told}: {_what(alert, language)} - {place}"
        if language is Language.ZH_CN:
            title = f"【{severity}】{told}：{_what(alert, language)}，{place}"
        colon = "：" if language is Language.ZH_CN else ": "
        lines = [("place", place), *_lines(alert, site, now, language)]
        if alert.closed_at is None:
            lines.append(("next", self.playbook.steps(alert, site, language)[0]))
        body = [_one_line(f"{word(f'label.{k}', language)}{colon}{text}") for k, text in [*lines, ("open", link)]]
        return Message(_one_line(title), "\n".join(body), link)


def _what(alert: Alert, language: Language) -> str:
    return word(f"category.{alert.category}", language)


def _lines(alert: Alert, site: Site, now: datetime, language: Language) -> Iterator[tuple[str, str]]:
    """Each line's label and text, of what there is to say."""
    loss = alert.evidence.get("loss") or {}
    rule, comma = rule_text(alert.rule, alert.evidence, language), "，" if language is Language.ZH_CN else ", "
    yield "what", f"{_what(alert, language)}{comma}{rule}{_aside(alert.subject, language)}"
    if said := reported_text(alert.evidence, language):
        yield "reported", said
    if when := pattern_text(alert.evidence, language):
        yield "pattern", when
    if cause := cause_text(alert.evidence, language):
        yield "cause", cause
    if alert.loss_rate is not None and alert.loss_rate > 0:
        sure = loss.get("rate_uncertainty")
        yield (
            "rate",
            rate_text(alert.loss_rate, alert.medium, language)
            + (f" ± {rate_text(sure, alert.medium, language)}" if sure else ""),
        )
    lasting = duration_text((alert.closed_at or now) - alert.onset_at, language)
    yield "since", f"{time_text(alert.onset_at, site.zone)}{_aside(lasting, language)}"
    if alert.loss_total is not None and alert.loss_total > 0:
        sure = loss.get("total_uncertainty")
        yield (
            "loss",
            total_text(alert.loss_total, alert.medium) + (f" ± {total_text(sure, alert.medium)}" if sure else ""),
        )
    if alert.closed_at is not None:
        back = back_text(alert.evidence, language)
        yield "cleared", time_text(alert.closed_at, site.zone) + (_aside(back, language) if back else "")


def _aside(text: str, language: Language) -> str:
    return f"（{text}）" if language is Language.ZH_CN else f" ({text})"


def _one_line(text: str) -> str:
    """Names come from files: a line break in one must not make a header or a line of its own."""
    return " ".join(text.split())
