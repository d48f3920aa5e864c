"""What people are told: place, what, how much, since when, loss so far, next step, link. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from alerts.channel import Message
from alerts.figures import duration_text, rate_text, time_text, total_text
from alerts.losses import loss_until
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
    """Writes messages of one alert each.

    site       the site as it is now (it may be reloaded)
    playbook   what to do next
    page_base  where the pages are seen from a phone, e.g. `https://meters.example.edu`; without a slash at the end
    """

    site: Callable[[], Site]
    page_base: str
    clock: Clock = utc_now
    playbook: Playbook = field(default_factory=shipped_playbook)

    def write(
        self,
        alert: Alert,
        reason: NotifyReason,
        language: Language,
        *,
        link: str = "",
        why: str = "",
        takes: bool = False,
    ) -> Message:
        """The message in one language.

        link   where it leads; empty: the alert's page
        why    why this receiver is told, where that is not plain (`why.hole`, ...)
        takes  the link itself lets the receiver take the alert
        """
        site = self.site()
        link, place = link or alert_link(self.page_base, alert.id), place_text(site, alert.node)
        severity, told = word(f"severity.{alert.severity}", language), word(f"reason.{reason}", language)
        title = headline(severity, f"{told}{colon(language)}{_what(alert, language)}", place, language)
        lines = [("place", place), *_lines(alert, site, self.clock(), language)]
        if alert.closed_at is None:
            lines.append(("next", self.playbook.steps(alert, site, language)[0]))
        if why:
            lines.append(("why", why))
        lines.append(("open_and_take" if takes else "open", link))
        body = [labelled(word(f"label.{key}", language), text, language) for key, text in lines]
        return Message(title, "\n".join(body), link)


def alert_link(page_base: str, alert_id: str) -> str:
    """Where the alert's page is, for those who sign in there."""
    return f"{page_base.rstrip('/')}/alerts/{quote(alert_id, safe='')}"


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
    if (total := loss_until(alert, now)) is not None and total > 0:
        sure = loss.get("total_uncertainty")
        yield (
            "loss",
            total_text(total, alert.medium) + (f" ± {total_text(sure, alert.medium)}" if sure else ""),
        )
    if alert.acknowledged and alert.acknowledged_by:
        yield "taken", alert.acknowledged_by
    if alert.closed_at is not None:
        back = back_text(alert.evidence, language)
        yield "cleared", time_text(alert.closed_at, site.zone) + (_aside(back, language) if back else "")


def _aside(text: str, language: Language) -> str:
    return f"（{text}）" if language is Language.ZH_CN else f" ({text})"


def one_line(text: str) -> str:
    """Names come from files: a line break in one must not make a header or a line of its own."""
    return " ".join(text.split())
