"""The words of figures, shared by the page and the workbook."""

from __future__ import annotations

from alerts.statistics.discovery import UsualDiscovery
from api.web.rendering import Reader
from api.web.wording import N_

COUNT_WORDS = {
    "found": N_("Alerts found"), "taken": N_("Taken"), "cleared": N_("Cleared"), "open": N_("Still open"),
    "repaired": N_("Repaired, confirmed by the meters"), "unproven": N_("Said to be repaired, not confirmed"),
    "false_alarms": N_("False alarms"), "planned_use": N_("Planned use"), "meter_faults": N_("Meter faults"),
    "unsettled": N_("Cleared without an outcome"), "returned": N_("Came back"), "repeats": N_("Repeat leaks"),
}  # fmt: skip
STEP_WORDS = {
    "detect": N_("To detect"), "notify": N_("To notify"), "acknowledge": N_("To acknowledge"),
    "repair": N_("To repair"), "whole": N_("Onset to all-clear"),
}  # fmt: skip
STEP_HINTS = {
    "detect": N_("from the onset until the rules raised it"),
    "notify": N_("until the first message was delivered"),
    "acknowledge": N_("until somebody had it"),
    "repair": N_("from there until the meters cleared it"),
    "whole": N_("all steps together"),
}
MISSED_STEPS = {"acknowledge": N_("To acknowledge"), "repair": N_("To repair")}


def discovery_text(discovery: UsualDiscovery, reader: Reader) -> str:
    """What the saved water is reckoned against."""
    say = reader.wording.gettext
    if discovery.way == "patrol":
        text = say(N_("without AquaVolt a patrol every %(days)s days would have found it, half of that on average"))
        return text % {"days": reader.formats.number(discovery.patrol_days)}
    text = say(N_("without AquaVolt the monthly bill, read on day %(day)s, would have shown it"))
    return text % {"day": discovery.bill_day}
