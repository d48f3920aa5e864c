"""The words of drills."""

from __future__ import annotations

from alerts.drills.values import Audience, DrillAction, DrillState, Ending
from api.web.wording import N_
from metering.drill_kinds import DrillKind

KINDS = {
    DrillKind.LEAK: N_("Leak"),
    DrillKind.BURST: N_("Burst pipe"),
    DrillKind.OVERUSE: N_("Load that never stops"),
    DrillKind.APPLIANCE: N_("Appliance in a room"),
}
STATES = {
    DrillState.ASKED: N_("begins in a moment"),
    DrillState.RUNNING: N_("under way"),
    DrillState.ENDED: N_("over"),
}
ENDINGS = {
    Ending.CONFIRMED: N_("repaired, confirmed by the copy's meters"),
    Ending.STOPPED: N_("stopped by a person"),
    Ending.TIMED_OUT: N_("its time was over"),
    Ending.EXHAUSTED: N_("no more readings to feed it"),
    Ending.INTERRUPTED: N_("the program ended in the middle of it"),
    Ending.FAILED: N_("it failed"),
    Ending.UNATTENDED: N_("no program that runs the rules was there to begin it"),
}
AUDIENCES = {
    Audience.ROUTES: N_("Everybody who would be told of a real one"),
    Audience.ME: N_("Only me"),
}
STEPS = {
    "raised": N_("Detected"),
    "told": N_("First message delivered"),
    "acknowledged": N_("Acknowledged"),
    "assigned": N_("Assigned"),
    "resolved": N_("Reported as settled"),
    "repaired": N_("Repaired"),
    "confirmed": N_("Confirmed by the meters"),
}
MOMENTS = STEPS | {"began": N_("Fault begins"), "ended": N_("Drill over")}
_SINCE_RAISED = N_("after it was detected")
SINCE = dict.fromkeys(STEPS, _SINCE_RAISED) | {
    "raised": N_("after the fault began"),
    "confirmed": N_("after the repair"),
}
ACTIONS = {
    DrillAction.ASKED: N_("Drill asked for"),
    DrillAction.STARTED: N_("Copy made"),
    DrillAction.FAULT_BEGAN: N_("Fault begins"),
    DrillAction.REPAIRED: N_("Fault mended"),
    DrillAction.STOP_ASKED: N_("Stop asked for"),
    DrillAction.ENDED: N_("Drill over"),
}
