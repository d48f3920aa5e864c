"""An order and one event of it as a document in our own words, whole by itself: what templates pick from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.messages import MessageWriter, place_text
from alerts.orders.values import Order, OrderAction, OrderEvent
from alerts.platform.values import OrderCategory, Urgency
from alerts.rows import iso
from alerts.values import Alert, NotifyReason
from alerts.words import Language
from metering.incident import Severity
from metering.site import Site

_REPORTED = {"zh": "漏水报修", "en": "Water was reported"}
_URGENCY = {Severity.INFO: Urgency.LOW, Severity.WARNING: Urgency.NORMAL, Severity.CRITICAL: Urgency.URGENT}


@dataclass(frozen=True, slots=True)
class DocumentWriter:
    """Writes documents. `page_base` is where people reach the pages, without a slash at the end."""

    site: Callable[[], Site]
    page_base: str
    messages: MessageWriter

    def write(
        self, order: Order, event: OrderEvent, alert: Alert | None, photos: tuple[str, ...], *, is_contractor: bool
    ) -> dict[str, Any]:
        """All but `delivery`, `revision` and `number`, which are known once it is sent."""
        link, assignee = f"{self.page_base}/orders/{order.id}", event.detail.get("assignee") or ""
        return {
            "event": event.action.value,
            "event_at": iso(event.at),
            "actor": event.actor,
            "note": event.text,
            "order": order.id,
            "status": event.detail.get("state", order.state.value),
            "urgency": _URGENCY[order.severity].value,
            "category": (OrderCategory.REPORT if alert is None else OrderCategory(alert.category.value)).value,
            "medium": "water" if alert is None else alert.medium,
            "place": order.node,
            "place_zh": place_text(self.site(), order.node),
            "place_en": place_text(self.site(), order.node),
            "assignee": assignee,
            "contractor": assignee if is_contractor else "",
            "created_at": iso(order.created_at),
            "due_at": _maybe(order.due_at),
            "link": link,
            "photos": [f"{self.page_base}/api/v1/photos/{photo}" for photo in photos],
            "alert": order.alert_id,
            "is_verified": _is_verified(order, event),
            "rating": order.rating,
            "cost": order.cost,
            **self._words(order, alert, link),
        }

    def _words(self, order: Order, alert: Alert | None, link: str) -> dict[str, str]:
        words: dict[str, str] = {}
        for tag, language in (("zh", Language.ZH_CN), ("en", Language.EN)):
            title, text = order.title, order.words
            if alert is not None:
                told = self.messages.write(alert, NotifyReason.RAISED, language, link=link)
                title, text = title or told.title, f"{text}\n{told.text}".strip()
            words |= {f"title_{tag}": title or text[:80] or _REPORTED[tag], f"text_{tag}": text}
        return words


def _is_verified(order: Order, event: OrderEvent) -> bool | None:
    """Whether the meters (or the office) have agreed; None while nobody said that it is done."""
    if event.action in {OrderAction.VERIFIED, OrderAction.CLOSED}:
        return True
    if order.verified_at is not None and order.verified_at <= event.at:
        return True
    return False if event.action is OrderAction.DONE else None


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
