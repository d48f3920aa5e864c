"""`/api/v1/desk`: the policy (deadlines, reopening) and what became of the deadlines."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from alerts.desk_policy import DEFAULT, DeskPolicy
from alerts.policy_book import PolicyVersion
from alerts.users.reach import Reach
from alerts.users.roles import Permission
from api.alerts.conditions import IfMatch, etag, read_tag
from api.alerts.views import nodes_below
from api.dependencies import CurrentActor, CurrentReach, Parts
from api.desk.schema import BreachFiguresOut, BreachPageOut, PolicyHistoryOut, PolicyOut
from api.moments import read_moment
from api.permits import needs
from api.problem_schema import LIST_PROBLEMS, ONE_PROBLEMS, POLICY_PROBLEMS
from api.problems import Problem
from api.wire import JsonResponse, jsonable, time_text
from metering.batch import to_datetime

router = APIRouter(prefix="/api/v1/desk", tags=["desk"], default_response_class=JsonResponse)
_READ, _SITE = [needs(Permission.ALERTS_READ)], [needs(Permission.SITE_READ)]
_USUAL_SPAN = timedelta(days=30)
_Moment = Annotated[str | None, Query(max_length=40, examples=["2026-11-01"])]
_Place = Annotated[str | None, Query(max_length=200, description="This place and all below it")]


def _policy_document(version: PolicyVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "actor": version.actor,
        "at": time_text(version.at),
        "policy": version.policy.model_dump(mode="json"),
    }


def _policy_answer(version: PolicyVersion) -> JsonResponse:
    return JsonResponse(_policy_document(version), headers={"ETag": etag(version.version)})


@router.get(
    "/policy", response_model=PolicyOut, responses=ONE_PROBLEMS, summary="The policy in force", dependencies=_READ
)
def get_policy(parts: Parts) -> JsonResponse:
    """Until when alerts must be acknowledged, and when one that comes back is the same one."""
    return _policy_answer(parts.records.policy())


@router.get(
    "/policy/history",
    response_model=PolicyHistoryOut,
    responses=ONE_PROBLEMS,
    summary="All policies so far",
    dependencies=_READ,
)
def get_policy_history(parts: Parts) -> JsonResponse:
    """Latest first; what was once in force stays here."""
    return JsonResponse({"items": [_policy_document(v) for v in parts.records.policy_history()]})


@router.put(
    "/policy",
    response_model=PolicyOut,
    responses=POLICY_PROBLEMS,
    summary="Put a policy into force",
    dependencies=[needs(Permission.DESK_MANAGE)],
    openapi_extra={
        "requestBody": {"content": {"application/json": {"example": DEFAULT.model_dump(mode="json")}}},
    },
)
def put_policy(parts: Parts, actor: CurrentActor, policy: DeskPolicy, if_match: IfMatch = None) -> JsonResponse:
    """For alerts raised from now on. If-Match is needed: the ETag of the policy that this one replaces."""
    version = read_tag(if_match)
    if version is None:
        raise Problem(428, "Send If-Match with the ETag of the policy that is to be replaced.")
    return _policy_answer(parts.records.put_policy(policy, actor, version))


@router.get(
    "/breaches",
    response_model=BreachPageOut,
    responses=LIST_PROBLEMS,
    summary="Deadlines that passed",
    dependencies=_SITE,
)
def list_breaches(
    parts: Parts,
    reach: CurrentReach,
    start: _Moment = None,
    end: _Moment = None,
    node: _Place = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(pattern="^[0-9]{1,18}$")] = None,
) -> JsonResponse:
    """Latest first. They are never erased."""
    page = parts.records.past.breaches(
        since=None if start is None else to_datetime(read_moment(start, reach.site, "start")),
        until=None if end is None else to_datetime(read_moment(end, reach.site, "end")),
        nodes=_nodes(reach, node),
        cursor=None if cursor is None else int(cursor),
        limit=limit,
    )
    items = [jsonable(dataclasses.asdict(breach)) for breach in page.items]
    next_cursor = None if page.next_cursor is None else str(page.next_cursor)
    return JsonResponse({"items": items, "next_cursor": next_cursor})


@router.get(
    "/figures",
    response_model=BreachFiguresOut,
    responses=LIST_PROBLEMS,
    summary="How many were kept",
    dependencies=_SITE,
)
def get_figures(
    parts: Parts, reach: CurrentReach, start: _Moment = None, end: _Moment = None, node: _Place = None
) -> JsonResponse:
    """Of the deadlines that ended between `start` and `end`; of the last 30 days unless said otherwise."""
    until = parts.now() if end is None else to_datetime(read_moment(end, reach.site, "end"))
    since = until - _USUAL_SPAN if start is None else to_datetime(read_moment(start, reach.site, "start"))
    figures = parts.records.past.breach_figures(since, until, _nodes(reach, node))
    return JsonResponse({"start": time_text(since), "end": time_text(until), **dataclasses.asdict(figures)})


def _nodes(reach: Reach, node: str | None) -> tuple[str, ...] | None:
    """The places asked for, as far as the one who asks sees them. None: the whole site. Raises: Problem."""
    below = nodes_below(reach.site, node)
    return tuple(sorted(reach.nodes)) if below is None and reach.nodes is not None else below
