"""`/api/v1/orders`: what people do with orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from alerts.errors import UnknownAlertError
from alerts.once import Once
from alerts.orders.making import NewOrder
from alerts.orders.values import Order
from alerts.users.roles import Permission
from api.alerts.acts import alert_event
from api.alerts.conditions import IfMatch, KeyedWrite, etag, read_tag
from api.dependencies import CurrentAlerts, CurrentReach, Parts
from api.orders.document import order_document
from api.orders.reach import CurrentOrders, CurrentPerson
from api.orders.schema import (
    AttachIn,
    ChangeIn,
    CheckIn,
    CloseIn,
    DoneIn,
    GiveIn,
    NoteIn,
    OpenIn,
    OrderOut,
    ReopenOrderIn,
    StartIn,
    StepIn,
)
from api.orders.views import OrderId
from api.orders.workers import CurrentWorkers
from api.parts import ApiParts
from api.permits import needs
from api.problem_schema import CHANGE_PROBLEMS
from api.problems import Problem
from api.wire import JsonResponse
from metering.site import Site

router = APIRouter(prefix="/api/v1/orders", tags=["orders"], default_response_class=JsonResponse)
_WORK, _MANAGE = [needs(Permission.ORDERS_WORK)], [needs(Permission.ORDERS_MANAGE)]


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


@router.post("", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Open a work order", dependencies=_MANAGE)
def open_order(
    workers: CurrentWorkers,
    orders: CurrentOrders,
    person: CurrentPerson,
    reach: CurrentReach,
    alerts: CurrentAlerts,
    answering: CurrentAnswering,
    asked: OpenIn,
) -> JsonResponse:
    """Its alert is taken, and given to whoever gets the order. 409 where the alert has an order already."""
    if asked.alert_id is not None:
        alerts.get(asked.alert_id)
    elif asked.node is not None and asked.node not in reach.site.nodes:
        raise Problem(404, f"There is no node {asked.node!r} on this site.")
    given = asked.model_dump(exclude={"checklist"}) | {"assignee": workers.checked(asked.assignee)}
    new = NewOrder(**given, checklist=None if asked.checklist is None else tuple(asked.checklist))
    return answering.answer(orders.open(person, new, reach.covers, once=answering.once()), "opened")


@router.post(
    "/{order_id}/assign", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Give it to somebody",
    dependencies=_MANAGE,
)  # fmt: skip
def assign(
    workers: CurrentWorkers,
    orders: CurrentOrders,
    person: CurrentPerson,
    answering: CurrentAnswering,
    order_id: OrderId,
    asked: GiveIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """The order's alert goes along. Null takes it back."""
    assignee = workers.checked(asked.assignee)
    done = orders.assign(
        order_id, person, assignee, words=asked.note, expected_version=read_tag(if_match, asked.version),
        once=answering.once(),
    )  # fmt: skip
    return answering.answer(done, "assigned")


@router.patch(
    "/{order_id}", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Other words, owner or due time",
    dependencies=_MANAGE,
)  # fmt: skip
def change(
    orders: CurrentOrders,
    person: CurrentPerson,
    answering: CurrentAnswering,
    order_id: OrderId,
    asked: ChangeIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """What is left out stays."""
    values = asked.model_dump(exclude={"version"}, exclude_none=True)
    expected = read_tag(if_match, asked.version)
    done = orders.change(order_id, person, expected_version=expected, once=answering.once(), **values)
    return answering.answer(done, "changed")


@router.post(
    "/{order_id}/alert", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="The meters see it too",
    dependencies=_MANAGE,
)  # fmt: skip
def attach_alert(
    alerts: CurrentAlerts,
    orders: CurrentOrders,
    person: CurrentPerson,
    answering: CurrentAnswering,
    order_id: OrderId,
    asked: AttachIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """A report's order becomes the alert's: it ends only when the meters agree. 409 where either has another one."""
    alerts.get(asked.alert_id)
    done = orders.attach_alert(
        order_id, person, asked.alert_id, words=asked.note, expected_version=read_tag(if_match, asked.version),
        once=answering.once(),
    )  # fmt: skip
    return answering.answer(done, "changed")


@router.post(
    "/{order_id}/start", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="I am at it", dependencies=_WORK
)
def start(
    orders: CurrentOrders,
    person: CurrentPerson,
    answering: CurrentAnswering,
    order_id: OrderId,
    asked: StartIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Where nobody was to, it becomes the order of whoever begins."""
    expected = read_tag(if_match, asked.version)
    done = orders.start(
        order_id, person, words=asked.note, expected_version=expected, once=answering.once(), said_at=asked.said_at
    )
    return answering.answer(done, "started")


@router.post(
    "/{order_id}/notes", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Add a remark", dependencies=_WORK
)
def note(
    orders: CurrentOrders, person: CurrentPerson, answering: CurrentAnswering, order_id: OrderId, asked: NoteIn
) -> JsonResponse:
    """Kept in the order's history; never conflicts."""
    return answering.answer(orders.note(order_id, person, asked.text, once=answering.once()), "noted")


@router.post(
    "/{order_id}/checklist", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Tick a line off",
    dependencies=_WORK,
)  # fmt: skip
def check(
    orders: CurrentOrders, person: CurrentPerson, answering: CurrentAnswering, order_id: OrderId, asked: CheckIn
) -> JsonResponse:
    """Or take it back; never conflicts."""
    done = orders.check(order_id, person, asked.line, is_done=asked.done, once=answering.once())
    return answering.answer(done, "checked")


@router.post(
    "/{order_id}/done", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="It is done", dependencies=_WORK
)
def finish(
    orders: CurrentOrders,
    person: CurrentPerson,
    answering: CurrentAnswering,
    order_id: OrderId,
    asked: DoneIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """From here the meters say whether it holds; of an order without an alert, the office."""
    done = orders.finish(
        order_id, person, asked.outcome, words=asked.note, expected_version=read_tag(if_match, asked.version),
        once=answering.once(), said_at=asked.said_at,
    )  # fmt: skip
    return answering.answer(done, "done")


@router.post(
    "/{order_id}/verify", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="It holds, says the office",
    dependencies=_MANAGE,
)  # fmt: skip
def verify(
    orders: CurrentOrders,
    person: CurrentPerson,
    answering: CurrentAnswering,
    order_id: OrderId,
    asked: StepIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Only of an order without an alert: 409 `meters_disagree` while an alert is active."""
    expected = read_tag(if_match, asked.version)
    done = orders.verify(order_id, person, words=asked.note, expected_version=expected, once=answering.once())
    return answering.answer(done, "verified")


@router.post(
    "/{order_id}/reopen", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="It does not hold",
    dependencies=_MANAGE,
)  # fmt: skip
def reopen(
    orders: CurrentOrders,
    person: CurrentPerson,
    answering: CurrentAnswering,
    order_id: OrderId,
    asked: ReopenOrderIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Whoever had it has it again."""
    expected = read_tag(if_match, asked.version)
    done = orders.reopen(order_id, person, words=asked.note, expected_version=expected, once=answering.once())
    return answering.answer(done, "reopened")


@router.post(
    "/{order_id}/close", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Rate and close it",
    dependencies=_MANAGE,
)  # fmt: skip
def close(
    orders: CurrentOrders,
    person: CurrentPerson,
    answering: CurrentAnswering,
    order_id: OrderId,
    asked: CloseIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Once it is verified. 409 (412 with If-Match) where somebody else was quicker; `current` has the version."""
    done = orders.close(
        order_id, person, asked.rating, words=asked.note, expected_version=read_tag(if_match, asked.version),
        once=answering.once(),
    )  # fmt: skip
    return answering.answer(done, "closed")
