"""What orders, reports and the patrol are called on pages."""

from __future__ import annotations

from alerts.orders.patrol import PatrolKind
from alerts.orders.states import OrderState
from alerts.orders.ticks import TickResult
from alerts.orders.values import OrderAction, ReportState
from api.web.wording import N_

STATES = {
    OrderState.OPEN: N_("waiting for somebody"),
    OrderState.ASSIGNED: N_("given"),
    OrderState.IN_WORK: N_("in work"),
    OrderState.DONE: N_("done, to be confirmed"),
    OrderState.VERIFIED: N_("confirmed, to be rated"),
    OrderState.REOPENED: N_("opened again"),
    OrderState.CLOSED: N_("closed"),
}
ACTIONS = {
    OrderAction.CREATED: N_("opened the order"),
    OrderAction.ASSIGNED: N_("gave it to %(name)s"),
    OrderAction.UNASSIGNED: N_("took it back"),
    OrderAction.CHANGED: N_("changed the order"),
    OrderAction.STARTED: N_("began"),
    OrderAction.CHECKED: N_("ticked off a line of the checklist"),
    OrderAction.NOTED: N_("noted"),
    OrderAction.PHOTO_ADDED: N_("added a photo"),
    OrderAction.REPORT_JOINED: N_("joined a report"),
    OrderAction.DONE: N_("said that it is done"),
    OrderAction.VERIFIED: N_("confirmed it"),
    OrderAction.REOPENED: N_("opened it again"),
    OrderAction.CLOSED: N_("closed it"),
}
# Where that one thing was changed.
CHANGES = {
    "alert_id": N_("found it to be what the meters see"),
    "due_ms": N_("set another due time"),
    "rating": N_("changed the rating"),
}
REASONS = {
    "came_back": N_("the alert came back"),
    "still_there": N_("the meters still see it"),
    "drill_over": N_("the drill is over"),
}
REPORT_STATES = {
    ReportState.NEW: N_("received"),
    ReportState.ORDERED: N_("a work order was opened"),
    ReportState.DISMISSED: N_("answered"),
}
KINDS = {
    PatrolKind.ALERT: N_("alert"),
    PatrolKind.CLEARED: N_("recently cleared"),
    PatrolKind.DEAD_METER: N_("meter does not answer"),
    PatrolKind.OVERDUE_READING: N_("reading is overdue"),
}
RESULTS = {
    TickResult.FINE: N_("fine"),
    TickResult.PROBLEM: N_("something is wrong"),
    TickResult.NO_ACCESS: N_("no access"),
}
# What is said on top of a page after a form was sent.
NOTICES = {
    "conflict": N_("Somebody else changed this order in between. This is how it stands now."),
    "meters_disagree": N_("The meters have not agreed yet: the alert is still active."),
    "wrong_state": N_("This cannot be done as the order stands now."),
    "not_yours": N_("This order is somebody else's."),
    "drill_over": N_("The drill of it is over: nothing is really wrong."),
    "exists": N_("There is a work order of this alert already."),
    "full": N_("There are as many photos as there may be."),
    "too_many": N_("There are as many photos as there may be."),
    "empty": N_("Write something first."),
    "too_large": N_("A photo may have 10 MB."),
    "too_many_pixels": N_("A photo may have 25 megapixels."),
    "heic": N_("This is a HEIC photo, whatever it is named: send it as JPEG."),
    "other_type": N_("This is no photo that is read here, whatever it is named; allowed: JPEG, PNG, WebP."),
    "damaged": N_("The photo is damaged or not whole."),
    "busy": N_("Too many reports come from here just now. Try again in a few minutes."),
    "photos_today": N_("No more photos are taken today. Send the report without them."),
    "no_place": N_("Choose a place first."),
}
GOOD_NOTICES = {
    "done": N_("Recorded. Whether it holds is for the meters to say."),
    "saved": N_("Recorded."),
    "ticked": N_("Ticked off."),
    "thanks": N_("Thank you, the report is here."),
}
