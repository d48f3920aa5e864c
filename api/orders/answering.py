"""How an act on an order is asked for and answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends

from alerts.errors import UnknownAlertError
from alerts.once import Once
from alerts.orders.hand import Person
from alerts.orders.orders import Orders
from alerts.orders.values import Order
from api.alerts.acts import alert_event
from api.alerts.conditions import IfMatch, KeyedWrite, etag, read_tag
from api.dependencies import CurrentReach, Parts
from api.orders.document import order_document
from api.orders.reach import CurrentOrders, CurrentPerson
from api.orders.views import OrderId
from api.parts import ApiParts
from api.wire import JsonResponse
from metering.site import Site


@dataclass(frozen=True, slots=True)
class Answering:
    """How an order is answered; its alert's live readers hear of it too."""

    parts: ApiParts
    site: Site
    keyed: KeyedWrite

    def once(self) -> Once | None:
        """What is kept of the answer for a caller who asks again."""
        return self.keyed.once(self.document)

    def document(self, order: Order) -> dict[str, Any]:
        """The order on the wire."""
        return order_document(order, self.site, self.parts.now())

    def answer(self, order: Order, change: str) -> JsonResponse:
        """The order, and a word to the live pages."""
        tell(self.parts, order, change)
        return JsonResponse(self.document(order), headers={"ETag": etag(order.version)})


def tell(parts: ApiParts, order: Order, change: str) -> None:
    """Pages that show the order's alert read it again."""
    if order.alert_id is not None:
        try:
            alert = parts.records.get_alert(order.alert_id)
        except UnknownAlertError:  # a shard's records were put away meanwhile
            return
        parts.stream.publish(alert_event(alert, f"order_{change}"))


def get_answering(parts: Parts, reach: CurrentReach, keyed: KeyedWrite) -> Answering:
    """Of the one who asks."""
    return Answering(parts, reach.site, keyed)


CurrentAnswering = Annotated[Answering, Depends(get_answering)]


@dataclass(frozen=True, slots=True)
class OnOrder:
    """One person's act on one order, and the version of it that the person saw."""

    orders: Orders
    person: Person
    id: int
    if_match: str | None
    answering: Answering

    def seen(self, in_body: int | None) -> int | None:
        """The version that If-Match or the body names. Raises: Problem 422."""
        return read_tag(self.if_match, in_body)

    def once(self) -> Once | None:
        """See `Answering`."""
        return self.answering.once()

    def answer(self, order: Order, change: str) -> JsonResponse:
        """See `Answering`."""
        return self.answering.answer(order, change)


def get_as_it_is(
    orders: CurrentOrders, person: CurrentPerson, answering: CurrentAnswering, order_id: OrderId
) -> OnOrder:
    """An act that never conflicts."""
    return OnOrder(orders, person, order_id, None, answering)


def get_as_seen(
    orders: CurrentOrders, person: CurrentPerson, answering: CurrentAnswering, order_id: OrderId,
    if_match: IfMatch = None,
) -> OnOrder:  # fmt: skip
    """An act that another one may have come before."""
    return OnOrder(orders, person, order_id, if_match, answering)


OrderAsItIs = Annotated[OnOrder, Depends(get_as_it_is)]
OrderAsSeen = Annotated[OnOrder, Depends(get_as_seen)]
