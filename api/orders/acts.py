"""`/api/v1/orders`: what people do with orders."""

from __future__ import annotations

from fastapi import APIRouter

from alerts.orders.making import NewOrder
from alerts.users.roles import Permission
from api.dependencies import CurrentAlerts, CurrentReach
from api.orders.answering import CurrentAnswering, OrderAsItIs, OrderAsSeen
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
from api.orders.workers import CurrentWorkers
from api.permits import needs
from api.problem_schema import CHANGE_PROBLEMS
from api.problems import Problem
from api.wire import JsonResponse

router = APIRouter(prefix="/api/v1/orders", tags=["orders"], default_response_class=JsonResponse)
_WORK, _MANAGE = [needs(Permission.ORDERS_WORK)], [needs(Permission.ORDERS_MANAGE)]


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
def assign(workers: CurrentWorkers, on: OrderAsSeen, asked: GiveIn) -> JsonResponse:
    """The order's alert goes along. Null takes it back."""
    assignee = workers.checked(asked.assignee)
    done = on.orders.assign(
        on.id, on.person, assignee, words=asked.note, expected_version=on.seen(asked.version),
        once=on.once(),
    )  # fmt: skip
    return on.answer(done, "assigned")


@router.patch(
    "/{order_id}", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Other words, owner, due time or cost",
    dependencies=_MANAGE,
)  # fmt: skip
def change(on: OrderAsSeen, asked: ChangeIn) -> JsonResponse:
    """What is left out stays. Of a closed order only the cost changes: bills come late."""
    values = asked.model_dump(exclude={"version"}, exclude_none=True)
    expected = on.seen(asked.version)
    done = on.orders.change(on.id, on.person, expected_version=expected, once=on.once(), **values)
    return on.answer(done, "changed")


@router.post(
    "/{order_id}/alert", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="The meters see it too",
    dependencies=_MANAGE,
)  # fmt: skip
def attach_alert(alerts: CurrentAlerts, on: OrderAsSeen, asked: AttachIn) -> JsonResponse:
    """A report's order becomes the alert's: it ends only when the meters agree. 409 where one of them has another."""
    alerts.get(asked.alert_id)
    done = on.orders.attach_alert(
        on.id, on.person, asked.alert_id, words=asked.note, expected_version=on.seen(asked.version), once=on.once()
    )
    return on.answer(done, "changed")


@router.post(
    "/{order_id}/start", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="I am at it", dependencies=_WORK
)
def start(on: OrderAsSeen, asked: StartIn) -> JsonResponse:
    """Where nobody was to, it becomes the order of whoever begins."""
    expected = on.seen(asked.version)
    done = on.orders.start(
        on.id, on.person, words=asked.note, expected_version=expected, once=on.once(), said_at=asked.said_at
    )
    return on.answer(done, "started")


@router.post(
    "/{order_id}/notes", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Add a remark", dependencies=_WORK
)
def note(on: OrderAsItIs, asked: NoteIn) -> JsonResponse:
    """Kept in the order's history; never conflicts."""
    done = on.orders.note(on.id, on.person, asked.text, once=on.once(), said_at=asked.said_at)
    return on.answer(done, "noted")


@router.post(
    "/{order_id}/checklist", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Tick a line off",
    dependencies=_WORK,
)  # fmt: skip
def check(on: OrderAsItIs, asked: CheckIn) -> JsonResponse:
    """Or take it back; never conflicts."""
    done = on.orders.check(on.id, on.person, asked.line, is_done=asked.done, once=on.once(), said_at=asked.said_at)
    return on.answer(done, "checked")


@router.post(
    "/{order_id}/done", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="It is done", dependencies=_WORK
)
def finish(on: OrderAsSeen, asked: DoneIn) -> JsonResponse:
    """From here the meters say whether it holds; of an order without an alert, the office."""
    done = on.orders.finish(
        on.id, on.person, asked.outcome, words=asked.note, cost=asked.cost,
        expected_version=on.seen(asked.version), once=on.once(), said_at=asked.said_at,
    )  # fmt: skip
    return on.answer(done, "done")


@router.post(
    "/{order_id}/verify", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="It holds, says the office",
    dependencies=_MANAGE,
)  # fmt: skip
def verify(on: OrderAsSeen, asked: StepIn) -> JsonResponse:
    """Only of an order without an alert: 409 `meters_disagree` while an alert is active."""
    expected = on.seen(asked.version)
    done = on.orders.verify(on.id, on.person, words=asked.note, expected_version=expected, once=on.once())
    return on.answer(done, "verified")


@router.post(
    "/{order_id}/reopen", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="It does not hold",
    dependencies=_MANAGE,
)  # fmt: skip
def reopen(on: OrderAsSeen, asked: ReopenOrderIn) -> JsonResponse:
    """Whoever had it has it again."""
    expected = on.seen(asked.version)
    done = on.orders.reopen(on.id, on.person, words=asked.note, expected_version=expected, once=on.once())
    return on.answer(done, "reopened")


@router.post(
    "/{order_id}/close", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="Rate and close it",
    dependencies=_MANAGE,
)  # fmt: skip
def close(on: OrderAsSeen, asked: CloseIn) -> JsonResponse:
    """Once it is verified. 409 (412 with If-Match) where somebody else was quicker; `current` has the version."""
    done = on.orders.close(
        on.id, on.person, asked.rating, words=asked.note, cost=asked.cost,
        expected_version=on.seen(asked.version), once=on.once(),
    )  # fmt: skip
    return on.answer(done, "closed")
