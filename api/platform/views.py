"""`/api/v1/platform`: events of the repair platform in; messages, events and sending again for people and programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from alerts.platform.inbox import EventReusedError
from alerts.platform.signing import ForgedError, check
from alerts.platform.values import Link, Placing, Received, Sent, SentState
from alerts.users.roles import Permission
from alerts.values import Actor
from api.access import PLATFORM_EVENTS
from api.dependencies import CurrentActor, Parts
from api.permits import needs
from api.platform.parts import CurrentPlatform, RepairPlatform, get_platform
from api.platform.refusals import Refusal
from api.platform.schema import (
    EVENT_BODY,
    EventAnswerOut,
    EventOut,
    EventsOut,
    LinkOut,
    MessageOut,
    MessagesOut,
    PlacedOut,
    PlaceIn,
    PlatformOut,
    ReplayIn,
    ReplayOut,
)
from api.problem_schema import BULK_PROBLEMS, LIST_PROBLEMS, ONE_PROBLEMS, problems
from api.problems import Problem
from api.wire import JsonResponse, jsonable, time_text

router = APIRouter(prefix="/api/v1", tags=["repair platform"], default_response_class=JsonResponse)
MOST_BYTES = 8 * 1024 * 1024
_READ, _MANAGE = [needs(Permission.DELIVERIES_READ)], [needs(Permission.PLATFORM_MANAGE)]
_UNPLACED = 202


@router.post(
    PLATFORM_EVENTS.removeprefix("/api/v1"),
    response_model=EventAnswerOut,
    responses={
        202: {"model": EventAnswerOut, "description": "Kept, and not placed (yet)"},
        **problems(401, 403, 409, 413, 415, 421, 422, 429),
    },
    summary="An event of the repair platform",
    openapi_extra=EVENT_BODY,
    dependencies=[needs(Permission.OPEN)],
)
async def take_event(request: Request, parts: Parts) -> JsonResponse:
    """Signed by the platform; no account. The mapping of the settings says where it says what."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Problem(415, "An event is sent as application/json.")
    platform, origin = get_platform(parts), request.client.host if request.client else ""
    if (wait_s := platform.refusals.wait_s(origin)) > 0:
        text = "Too many requests of this address were not signed by the platform; try again later."
        raise Problem(429, text, headers={"Retry-After": str(wait_s)})
    receive, body = platform.receive, await _body(request)
    given = request.headers.get(receive.timestamp_header), request.headers.get(receive.signature_header)
    return await run_in_threadpool(_take, platform, body, given, origin)


async def _body(request: Request) -> bytes:
    """Raises: Problem 413."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Problem(413, f"An event of at most {MOST_BYTES >> 20} MB is read.")
    return bytes(body)


def _take(platform: RepairPlatform, body: bytes, given: tuple[str | None, str | None], origin: str) -> JsonResponse:
    if platform.desk.inbox is None:
        raise Problem(503, "This repair platform is only told: `repair_platform.direction` is `out`.")
    try:
        check(platform.secrets, *given, body, platform.clock())
    except ForgedError as error:
        platform.refusals.note_forged(Refusal(platform.clock(), origin, str(error)))
        raise Problem(401, str(error)) from error
    try:
        taken = platform.desk.inbox.take(body)
    except EventReusedError as error:
        platform.refusals.note(Refusal(platform.clock(), origin, str(error)))
        raise Problem(409, str(error)) from error
    headers = {"Idempotency-Replayed": "true"} if taken.is_repeat else {}
    is_kept = taken.answer["result"] == Placing.UNPLACED.value
    return JsonResponse(taken.answer, _UNPLACED if is_kept else 200, headers=headers)


@router.get(
    "/platform", response_model=PlatformOut, responses=LIST_PROBLEMS, summary="How it goes with the repair platform",
    dependencies=_READ,
)  # fmt: skip
def get_state(platform: CurrentPlatform) -> JsonResponse:
    """What waits, since when, and what came in."""
    figures, status = platform.desk.figures(), platform.status()
    return JsonResponse(
        {
            "address": platform.shown,
            "direction": platform.direction,
            "messages": figures.sent,
            "oldest_waiting": figures.oldest_waiting and time_text(figures.oldest_waiting),
            "events": figures.received,
            "refused": platform.refusals.total,
            "last_error": "" if status is None else status.last_error,
        }
    )


@router.get(
    "/platform/sent", response_model=MessagesOut, responses=LIST_PROBLEMS,
    summary="What the repair platform was told", dependencies=_READ,
)  # fmt: skip
def list_messages(
    platform: CurrentPlatform,
    state: SentState | None = None,
    order: Annotated[int | None, Query(ge=1, le=10**15)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> JsonResponse:
    """Latest first."""
    found = platform.desk.sent(state=state, order_id=order, limit=limit)
    return JsonResponse({"items": [_message(one) for one in found]})


@router.get(
    "/platform/orders/{order_id}", response_model=LinkOut, responses=ONE_PROBLEMS,
    summary="What the repair platform calls an order", dependencies=[needs(Permission.ORDERS_READ)],
)  # fmt: skip
def get_link(platform: CurrentPlatform, order_id: Annotated[int, Path(ge=1, le=10**15)]) -> JsonResponse:
    """Its number there, and the state that it said last."""
    link = platform.desk.link(order_id) or Link(order_id, "")
    return JsonResponse(
        {
            "order": order_id,
            "number": link.number,
            "said": link.said,
            "said_at": time_text(link.said_at),
            "rating": link.rating,
        }
    )


@router.get(
    "/platform/received", response_model=EventsOut, responses=LIST_PROBLEMS,
    summary="What the repair platform said", dependencies=_READ,
)  # fmt: skip
def list_events(
    platform: CurrentPlatform,
    placing: Placing | None = None,
    order: Annotated[int | None, Query(ge=1, le=10**15)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> JsonResponse:
    """Latest first."""
    found = platform.desk.received(placing=placing, order_id=order, limit=limit)
    return JsonResponse({"items": [_event(one) for one in found]})


@router.post(
    "/platform/replay", response_model=ReplayOut, responses=BULK_PROBLEMS | problems(404),
    summary="Send messages again", dependencies=_MANAGE,
)  # fmt: skip
def replay(platform: CurrentPlatform, actor: CurrentActor, asked: ReplayIn) -> JsonResponse:
    """With the ids they had: a platform that has them already changes nothing."""
    return JsonResponse({"messages": replay_asked(platform, asked, actor)})


def replay_asked(platform: RepairPlatform, asked: ReplayIn, actor: Actor) -> int:
    """How many. Raises: Problem 422."""
    desk = platform.desk
    is_range = asked.since is not None or asked.until is not None
    if sum((asked.message is not None, asked.order is not None, is_range)) != 1:
        raise Problem(422, "Say one of: a message, an order, or a range with `since` and `until`.")
    if asked.message is not None:
        desk.replay(asked.message, actor)
        return 1
    if asked.order is not None:
        return desk.replay_order(asked.order, actor)
    if asked.since is None or asked.until is None:
        raise Problem(422, "A range has a `since` and an `until`.")
    return desk.replay_range(asked.since, asked.until, actor, asked.state)


@router.post(
    "/platform/received/place", response_model=PlacedOut, responses=BULK_PROBLEMS,
    summary="Place an event once more, or set it aside", dependencies=_MANAGE,
)  # fmt: skip
def place_event(platform: CurrentPlatform, actor: CurrentActor, asked: PlaceIn) -> JsonResponse:
    """Of an event that was not placed."""
    return JsonResponse({"event": asked.event, "placing": place_asked(platform, asked, actor)})


def place_asked(platform: RepairPlatform, asked: PlaceIn, actor: Actor) -> Placing:
    """What became of it. Raises: RefusedError."""
    if asked.act == "again":
        return platform.desk.try_again(asked.event, actor)
    platform.desk.set_aside(asked.event, actor)
    return Placing.SET_ASIDE


def _message(one: Sent) -> dict[str, Any]:
    return jsonable({name: getattr(one, name) for name in MessageOut.model_fields})  # type: ignore[no-any-return]


def _event(one: Received) -> dict[str, Any]:
    return jsonable({name: getattr(one, name) for name in EventOut.model_fields})  # type: ignore[no-any-return]
