"""`/healthz` and `/readyz`, open to everyone, and the live stream."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from alerts.users.roles import Permission
from api.dependencies import Parts
from api.identity import Identity
from api.permits import needs
from api.problem_schema import problems
from api.reaches import Reaches
from api.stream import Hears
from api.wire import JsonResponse

router = APIRouter(tags=["health"], default_response_class=JsonResponse)
_OPEN = [needs(Permission.OPEN)]
stream_router = APIRouter(prefix="/api/v1", tags=["stream"])


class AliveOut(BaseModel):
    """The program answers."""

    status: str
    version: str


class ReadyOut(BaseModel):
    """Whether history is judged; `progress` from 0 to 1."""

    ready: bool
    progress: float | None
    detail: str


@router.get(
    "/healthz",
    response_model=AliveOut,
    responses=problems(421),
    summary="Does the program answer",
    dependencies=_OPEN,
)
async def get_healthz(parts: Parts) -> JsonResponse:
    """200 as long as it does."""
    return JsonResponse({"status": "ok", "version": parts.version})


@router.get(
    "/readyz",
    response_model=ReadyOut,
    responses={**problems(421), 503: {"model": ReadyOut, "description": "History is still being judged"}},
    summary="Is history judged",
    dependencies=_OPEN,
)
async def get_readyz(parts: Parts) -> JsonResponse:
    """200 once it is, 503 before."""
    readiness = parts.is_ready()
    content = {"ready": readiness.is_ready, "progress": readiness.progress, "detail": readiness.detail}
    return JsonResponse(content, status_code=200 if readiness.is_ready else 503)


@stream_router.get(
    "/stream",
    responses={
        200: {
            "description": "Events: `alert` (id), `ready` (history is judged), `reset` (read your lists again)",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problems(401, 403, 421, 422),
    },
    response_class=StreamingResponse,
    summary="What changes, live",
    dependencies=[needs(Permission.ALERTS_READ)],
)
async def get_stream(
    request: Request,
    parts: Parts,
    last_event_id: Annotated[str | None, Header(max_length=100, description="Go on after this event")] = None,
) -> StreamingResponse:
    """Resumes after `Last-Event-ID` as far as the ring of the latest events reaches, else says `reset`."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    frames = parts.stream.frames(last_event_id, partial(_admit, request))
    return StreamingResponse(frames, media_type="text/event-stream", headers=headers)


async def _admit(request: Request) -> Hears | None:
    """What the one who asked may hear by now."""
    identity: Identity = request.app.state.identity
    user = await run_in_threadpool(identity.user_of, request)
    if user is None or not user.may(Permission.ALERTS_READ):
        return None
    reaches: Reaches = request.app.state.reaches
    return lambda event: reaches.of(user).hears(event)
