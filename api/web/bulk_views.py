"""Many alerts of the desk at once: taken, or given to somebody."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from alerts.desk import MOST_AT_ONCE
from alerts.errors import AlertError
from alerts.users.roles import Permission
from api.alerts.acts import alert_event
from api.dependencies import CurrentActor, CurrentReach, Parts
from api.permits import needs
from api.problems import Problem
from api.web.assigning import Assigner, CurrentAssigner
from api.web.forms import Fields, local_path, version_of
from api.web.orders.opening import CurrentOpener, Opener

router = APIRouter(include_in_schema=False)
_SEE_OTHER = 303
_Seen = tuple[str, int | None]


@router.post("/alerts/bulk", dependencies=[needs(Permission.ALERTS_HANDLE)])
def handle_many(
    parts: Parts,
    reach: CurrentReach,
    actor: CurrentActor,
    assigner: CurrentAssigner,
    opener: CurrentOpener,
    fields: Fields,
) -> Response:
    """Each by itself: what cannot be done leaves the others alone. Then the list again, with how many were done."""
    wanted = _read_wanted(fields.get("alert", []))
    if fields.get("do", [""])[-1] == "order":
        done = _order(opener, wanted, fields.get("assignee", [""])[-1])
    elif fields.get("do", [""])[-1] == "assign":
        done = _assign(assigner, wanted, fields.get("assignee", [""])[-1])
    else:
        handled = parts.records.acknowledge_many(wanted, actor, sees=reach.sees) if wanted else ()
        taken = [h.alert for h in handled if h.alert is not None and h.error is None]
        for alert in taken:
            parts.stream.publish(alert_event(alert, "acknowledged"))
        done = len(taken)
    said = urlencode({"done": done, "refused": len(wanted) - done})
    back = local_path(fields.get("back", [""])[-1], "/alerts")
    return RedirectResponse(f"{back}{'&' if '?' in back else '?'}{said}", _SEE_OTHER)


def _read_wanted(marked: Sequence[str]) -> list[_Seen]:
    """Each box says `id:version`. Raises: Problem 422."""
    if len(marked) > MOST_AT_ONCE:
        raise Problem(422, f"At most {MOST_AT_ONCE} alerts are handled at once, not {len(marked)}.")
    parts = (text.rpartition(":") for text in marked)
    return [(alert_id, version_of(version)) for alert_id, _, version in parts if alert_id]


def _order(opener: Opener, wanted: Sequence[_Seen], assignee: str) -> int:
    """For how many an order could be opened. Raises: Problem."""
    done = 0
    for alert_id, _ in wanted:
        try:
            opener.open_of_alert(alert_id, assignee)
        except AlertError:
            continue
        done += 1
    return done


def _assign(assigner: Assigner, wanted: Sequence[_Seen], assignee: str) -> int:
    """How many could be. Raises: Problem 422, nobody is named."""
    if not assignee:
        raise Problem(422, "Choose to whom the alerts are given.")
    done = 0
    for alert_id, version in wanted:
        try:
            assigner.assign(alert_id, assignee, version)
        except (AlertError, Problem):
            continue
        done += 1
    return done
