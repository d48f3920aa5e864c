"""`/api/v1/head-counts`: what holds, what was brought, and more of it as CSV or JSON."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from alerts.head_counts import LONGEST_SOURCE
from alerts.users.roles import Permission
from api.bodies import bounded_body, media_type_of
from api.dependencies import CurrentActor, CurrentReach, CurrentSite, Parts, node_of
from api.head_counts.schema import COUNTS_BODY, CountsTakenOut, HeadCountsOut
from api.head_counts.taking import Counts, count_document, fault_documents, table_of, take, taken_document
from api.permits import needs
from api.problem_schema import LIST_PROBLEMS, ONE_PROBLEMS, problems
from api.problems import Problem
from api.wire import JsonResponse

router = APIRouter(prefix="/api/v1", tags=["head-counts"], default_response_class=JsonResponse)
MOST_BYTES = 4 * 1024 * 1024
_READ, _WRITE = [needs(Permission.SITE_READ)], [needs(Permission.HEAD_COUNTS_WRITE)]


@router.get(
    "/head-counts", response_model=HeadCountsOut, responses=LIST_PROBLEMS, summary="Beds and people on a day",
    dependencies=_READ,
)  # fmt: skip
def list_head_counts(
    parts: Parts,
    site: CurrentSite,
    book: Counts,
    day: Annotated[date | None, Query(description="Local day; default: today")] = None,
    node: Annotated[str | None, Query(max_length=200, description="In this place and all below it")] = None,
) -> JsonResponse:
    """By place what was brought, or else what the site file says; where neither says anything the place is left out."""
    on = book.on(day or parts.now().astimezone(site.zone).date())
    wanted = site.nodes if node is None else list(site.subtree(node_of(site, node).id))
    known = [n for n in wanted if n in on or site.nodes[n].beds is not None or site.nodes[n].people is not None]
    return JsonResponse({"items": [count_document(n, on.get(n), site) for n in known]})


@router.get(
    "/nodes/{node_id}/head-counts", response_model=HeadCountsOut, responses=ONE_PROBLEMS,
    summary="All head-counts of a place", dependencies=_READ,
)  # fmt: skip
def get_head_counts(site: CurrentSite, book: Counts, node_id: Annotated[str, Path(max_length=200)]) -> JsonResponse:
    """All that were ever brought, the newest first, then what the site file says."""
    node = node_of(site, node_id).id
    return JsonResponse({"items": [count_document(node, one, site) for one in (*book.history(node), None)]})


@router.post(
    "/head-counts", response_model=CountsTakenOut, responses=problems(401, 403, 413, 415, 421, 422, 429),
    openapi_extra=COUNTS_BODY, summary="Bring head-counts", dependencies=_WRITE,
)  # fmt: skip
async def bring_head_counts(
    request: Request,
    reach: CurrentReach,
    actor: CurrentActor,
    book: Counts,
    dry_run: Annotated[bool, Query(description="Say what would change, and write nothing")] = False,
    source: Annotated[str, Query(max_length=LONGEST_SOURCE, description="Out of which file")] = "",
) -> JsonResponse:
    """Good rows are taken together; each bad one is named with its line. 422 when no row is good.

    The rules divide by the new heads from the first local midnight on that is not before `from`, nor past.
    """
    body = await bounded_body(request, MOST_BYTES)
    table = await run_in_threadpool(table_of, body, media_type_of(request), reach.site)
    if not table.rows and table.faults:
        errors = fault_documents(table.faults)
        raise Problem(422, "No row could be taken.", taken=0, refused=len(table.faults), errors=errors)
    taken = await run_in_threadpool(take, book, table, None if dry_run else actor, source)
    return JsonResponse(taken_document(taken, reach.site))
