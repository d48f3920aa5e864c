"""The words of accounts: roles, permissions, what an audit says, and why something was refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.users.errors import (
    AccountConflictError,
    AccountError,
    AccountRefusedError,
    ProviderRefusedError,
    Refusal,
    ThrottledError,
    WrongPasswordError,
)
from alerts.users.roles import WHOLE_SITE, Permission, Role
from alerts.users.values import AccountAction, AccountEntry, AccountState
from api.web.provider_words import detail_of_provider, refusal_of
from api.web.rendering import Reader
from api.web.wording import N_

ROLES = {
    Role.ADMIN: N_("Administrator"),
    Role.HEAD_OF_LOGISTICS: N_("Head of logistics"),
    Role.ENERGY_MANAGER: N_("Energy manager"),
    Role.MAINTAINER: N_("Maintainer"),
    Role.DORM_MANAGER: N_("Dorm manager"),
    Role.DUTY_GUARD: N_("Duty guard"),
    Role.CONTRACTOR: N_("Contractor"),
    Role.AUDITOR: N_("Auditor, read only"),
}
# What each role is for, beside the choice.
ROLE_HINTS = {
    Role.ADMIN: N_("everything, and the accounts"),
    Role.HEAD_OF_LOGISTICS: N_("alerts, use, how collecting goes"),
    Role.ENERGY_MANAGER: N_("as the head of logistics; brings readings in and reads the metrics"),
    Role.MAINTAINER: N_("alerts, use, the meters at the cabinet"),
    Role.DORM_MANAGER: N_("alerts and use of the own buildings"),
    Role.DUTY_GUARD: N_("alerts and use, outside of working hours"),
    Role.CONTRACTOR: N_("only alerts that are assigned to this account"),
    Role.AUDITOR: N_("sees everything, the accounts' audit too, and changes nothing"),
}
SCOPES = {
    Permission.ALERTS_READ: N_("read alerts"),
    Permission.ALERTS_HANDLE: N_("acknowledge, comment and resolve alerts"),
    Permission.ORDERS_READ: N_("read work orders"),
    Permission.ORDERS_WORK: N_("work on orders: begin, photos, done"),
    Permission.ORDERS_MANAGE: N_("open, give away, rate and close work orders, and answer reports"),
    Permission.PATROL_WALK: N_("walk the patrol and tick it off"),
    Permission.DESK_MANAGE: N_("set the deadlines of the desk"),
    Permission.DUTY_READ: N_("read who is on duty and who is told of what"),
    Permission.DUTY_MANAGE: N_("set duties, routes and contacts"),
    Permission.SILENCES_MANAGE: N_("set silences and planned shutdowns"),
    Permission.CHANNELS_TEST: N_("send test messages"),
    Permission.DELIVERIES_READ: N_("read the log of notifications"),
    Permission.DRILLS_READ: N_("read the reports of drills"),
    Permission.DRILLS_MANAGE: N_("begin, repair and end drills"),
    Permission.PLATFORM_MANAGE: N_("send orders to the repair platform again, place its events"),
    Permission.STATISTICS_READ: N_("read the figures of the desk"),
    Permission.SCORECARDS_READ: N_("read contractors' scorecards"),
    Permission.RULES_TUNE: N_("enter planned use, and let a rule judge a meter as it is set again"),
    Permission.SITE_READ: N_("read places, meters, use and readings"),
    Permission.COLLECTING_READ: N_("read how collecting goes"),
    Permission.METRICS_READ: N_("read the metrics for Prometheus"),
    Permission.READINGS_WRITE: N_("bring readings in"),
    Permission.HEAD_COUNTS_WRITE: N_("bring head-counts"),
}
STATES = {
    AccountState.ACTIVE: N_("active"),
    AccountState.DISABLED: N_("disabled"),
    AccountState.DELETED: N_("deleted"),
}
ACTIONS = {
    AccountAction.CREATED: N_("account made"),
    AccountAction.CHANGED: N_("role or places changed"),
    AccountAction.DISABLED: N_("account disabled"),
    AccountAction.ENABLED: N_("account enabled"),
    AccountAction.DELETED: N_("account deleted"),
    AccountAction.PASSWORD_GIVEN: N_("one-time password given"),
    AccountAction.PASSWORD_CHANGED: N_("password changed"),
    AccountAction.SIGNED_IN: N_("signed in"),
    AccountAction.SIGN_IN_REFUSED: N_("wrong password"),
    AccountAction.SIGNED_OUT: N_("signed out"),
    AccountAction.SESSIONS_ENDED: N_("signed out everywhere"),
    AccountAction.TOKEN_MADE: N_("token made"),
    AccountAction.TOKEN_REVOKED: N_("token revoked"),
    AccountAction.ALERTS_HANDED_ON: N_("alerts handed on"),
    AccountAction.IDENTITY_LINKED: N_("linked with a provider of sign-in"),
    AccountAction.IDENTITY_UNLINKED: N_("link with a provider ended"),
    AccountAction.PROVIDER_REFUSED: N_("sign-in at a provider not taken"),
    AccountAction.ROLE_KEPT: N_("last administrator: role kept against the provider"),
}
REFUSALS = {
    Refusal.NAME_FORM: N_(
        "An account's name has 1 to 40 letters, digits, dots, hyphens, underscores or @, and is none of %(reserved)s."
    ),
    Refusal.NAME_TAKEN: N_("There is or was an account %(name)s; names are not given twice."),
    Refusal.ROLE: N_("Choose a role."),
    Refusal.ADMIN_LIMITED: N_("An administrator is limited to no part of the site."),
    Refusal.NODES: N_("Choose 1 to %(most)s places, or the whole site."),
    Refusal.UNKNOWN_NODE: N_("The site has no place %(node)s."),
    Refusal.LAST_ADMIN: N_("%(name)s is the last administrator: make another one first."),
    Refusal.HEIR: N_(
        "%(name)s cannot take these alerts over: it must be another active account that may handle them and sees them."
    ),
    Refusal.ONESELF: N_("Nobody takes the own account out of use: ask another administrator."),
    Refusal.STATE: N_("%(name)s is not disabled."),
    Refusal.PASSWORD_LENGTH: N_("A password has %(shortest)s to %(longest)s characters."),
    Refusal.PASSWORD_COMMON: N_("This password is among the first that are tried: choose another."),
    Refusal.PASSWORD_NAME: N_("A password must not be the account's name."),
    Refusal.PASSWORD_SAME: N_("The new password is the old one: choose another."),
    Refusal.PASSWORD_REPEATED: N_("The two new passwords are not the same."),
    Refusal.TOKEN_NAME: N_("A token's name has 1 to %(longest)s characters."),
    Refusal.TOKEN_DAYS: N_("A token is good for 1 to %(most)s days."),
    Refusal.TOKEN_SCOPES: N_("Choose one or more scopes that the account has itself."),
    Refusal.TOKEN_MANY: N_("An account has at most %(most)s tokens: revoke one that is not used."),
}


def text_of(error: AccountError, reader: Reader) -> str:
    """What is wrong, in the reader's language."""
    say = reader.wording.gettext
    match error:
        case AccountRefusedError():
            return str(say(REFUSALS[error.refusal])) % error.parameters
        case ThrottledError():
            return str(say(N_("Too many wrong passwords. Try again in %(seconds)s seconds."))) % {
                "seconds": error.retry_after_s
            }
        case ProviderRefusedError():
            return refusal_of(error.refusal, reader)
        case WrongPasswordError():
            return say(N_("The account or the password is not right."))
        case AccountConflictError():
            return say(N_("Somebody changed this account in between. This is how it stands now."))
    return str(error)


def detail_of(entry: AccountEntry, reader: Reader) -> str:
    """What an entry of the audit is about, in words: the role and places, a token, to whom alerts went."""
    say, known = reader.wording.gettext, entry.detail
    match entry.action:
        case AccountAction.CREATED:
            return _role_and_places(known, reader)
        case AccountAction.CHANGED | AccountAction.ROLE_KEPT:
            return " → ".join(_role_and_places(known.get(side, {}), reader) for side in ("before", "after"))
        case AccountAction.ALERTS_HANDED_ON:
            count = len(known.get("alerts", ()))
            return say(N_("%(count)s to %(name)s")) % {"count": count, "name": known.get("to") or say(N_("nobody"))}
        case AccountAction.TOKEN_MADE | AccountAction.TOKEN_REVOKED:
            return ", ".join([str(known.get("name", "")), *map(str, known.get("scopes", ()))])
        case AccountAction.SESSIONS_ENDED:
            return say(N_("%(count)s browsers")) % {"count": known.get("count", 0)}
    return detail_of_provider(entry, reader)


def _role_and_places(known: Mapping[str, Any], reader: Reader) -> str:
    say = reader.wording.gettext
    role = next((say(ROLES[r]) for r in Role if r.value == known.get("role")), str(known.get("role", "")))
    nodes = known.get("nodes", ())
    places = [say(N_("Whole site")) if n == WHOLE_SITE else reader.wording.place_name(str(n)) for n in nodes]
    return " · ".join([role, say(N_(", ")).join(places)])
