"""The words of duties, routes, silences and notifications."""

from __future__ import annotations

from alerts.duty.calendar import DayName
from alerts.routing.muting import MuteKind
from alerts.routing.receivers import Why
from alerts.routing.routes import GroupKey, SilenceKind
from api.web.wording import N_, Translate

# Roles that duties are of; people may have others.
DUTY_ROLES = {
    "maintainer": N_("Maintainer"),
    "zone_manager": N_("Zone manager"),
    "head_of_logistics": N_("Head of logistics"),
    "duty_guard": N_("Duty guard"),
}
DAYS = {
    DayName.MON: N_("Mon"),
    DayName.TUE: N_("Tue"),
    DayName.WED: N_("Wed"),
    DayName.THU: N_("Thu"),
    DayName.FRI: N_("Fri"),
    DayName.SAT: N_("Sat"),
    DayName.SUN: N_("Sun"),
    DayName.WORKDAY: N_("workdays"),
    DayName.WEEKEND: N_("weekends"),
    DayName.HOLIDAY: N_("public holidays"),
    DayName.VACATION: N_("school vacation"),
}
GROUPS = {
    GroupKey.CAMPUS: N_("campus"),
    GroupKey.ZONE: N_("zone"),
    GroupKey.BUILDING: N_("building"),
    GroupKey.NODE: N_("place"),
    GroupKey.CATEGORY: N_("category"),
    GroupKey.MEDIUM: N_("medium"),
    GroupKey.SEVERITY: N_("severity"),
    GroupKey.RULE: N_("rule"),
}
WHYS = {
    Why.ON_DUTY: N_("on duty: %(about)s"),
    Why.STANDS_IN: N_("stands in: %(about)s"),
    Why.HOLE: N_("nobody is on duty: %(about)s"),
    Why.NAMED: N_("named by the route"),
    Why.CHANNEL: N_("the route names this channel"),
    Why.UNREACHABLE: N_("in the place of %(about)s, who cannot be reached"),
    Why.NOBODY: N_("because nobody was found for %(about)s"),
}
MUTES = {
    MuteKind.SILENCE: N_("a silence"),
    MuteKind.SHUTDOWN: N_("a planned shutdown"),
    MuteKind.INHIBITED: N_("another alert that explains it"),
    MuteKind.QUIET_HOURS: N_("quiet hours"),
}
SILENCES = {SilenceKind.SILENCE: N_("Silence"), SilenceKind.SHUTDOWN: N_("Planned shutdown")}
ENTRY_ACTIONS = {"created": N_("made"), "changed": N_("changed"), "removed": N_("removed")}
_KINDS = {"role": N_("duty of %(name)s"), "person": "%(name)s", "channel": N_("channel %(name)s")}
_EVERY_CHANNEL = N_("every channel")


def role_name(role: str, say: Translate) -> str:
    """A role of the program in words; one that people made as they wrote it."""
    return say(DUTY_ROLES[role]) if role in DUTY_ROLES else role


def target_name(target: str, say: Translate) -> str:
    """`role:maintainer`, `person:li`, `channel:*` in words."""
    kind, _, name = target.partition(":")
    if target == "channel:*":
        return str(say(_EVERY_CHANNEL))
    shown = role_name(name, say) if kind == "role" else name
    return say(_KINDS[kind]) % {"name": shown} if kind in _KINDS else target


# The names of the program's own routes, where they are shown.
OWN_ROUTES = (N_("Bursts that no route takes"), N_("What no route takes"))
