"""Roles, and what each may do. Words and one table, nothing else: whoever reads settings loads no database."""

from __future__ import annotations

from enum import StrEnum

WHOLE_SITE = "*"
"""Stands for every part of the site, and for meters that stand nowhere, in an account's `nodes`."""


class Role(StrEnum):
    """What an account is for."""

    ADMIN = "admin"
    HEAD_OF_LOGISTICS = "head_of_logistics"
    ENERGY_MANAGER = "energy_manager"
    MAINTAINER = "maintainer"
    DORM_MANAGER = "dorm_manager"
    DUTY_GUARD = "duty_guard"
    CONTRACTOR = "contractor"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a route asks for; every route declares exactly one.

    OPEN         nothing: people who are not signed in yet
    SIGNED_IN    to be signed in, in any role
    OWN_ACCOUNT  to be signed in on a page: own password, sessions, tokens. A token never has it
    """

    OPEN = "open"
    SIGNED_IN = "signed_in"
    OWN_ACCOUNT = "own_account"
    ALERTS_READ = "alerts.read"
    ALERTS_HANDLE = "alerts.handle"
    ORDERS_READ = "orders.read"
    ORDERS_WORK = "orders.work"
    ORDERS_MANAGE = "orders.manage"
    PATROL_WALK = "patrol.walk"
    DESK_MANAGE = "desk.manage"
    DUTY_READ = "duty.read"
    DUTY_MANAGE = "duty.manage"
    SILENCES_MANAGE = "silences.manage"
    CHANNELS_TEST = "channels.test"
    DELIVERIES_READ = "deliveries.read"
    STATISTICS_READ = "statistics.read"
    SCORECARDS_READ = "scorecards.read"
    RULES_TUNE = "rules.tune"
    DRILLS_READ = "drills.read"
    DRILLS_MANAGE = "drills.manage"
    SITE_READ = "site.read"
    COLLECTING_READ = "collecting.read"
    METRICS_READ = "metrics.read"
    READINGS_WRITE = "readings.write"
    HEAD_COUNTS_WRITE = "head_counts.write"
    PLATFORM_MANAGE = "platform.manage"
    USERS_READ = "users.read"
    USERS_MANAGE = "users.manage"


_P = Permission
_ANYBODY = frozenset({_P.SIGNED_IN, _P.OWN_ACCOUNT})
_HANDLES_ALERTS = _ANYBODY | {_P.ALERTS_READ, _P.ALERTS_HANDLE}
_WORKS_ON_ORDERS = frozenset({_P.ORDERS_READ, _P.ORDERS_WORK})
_COUNTS = frozenset({_P.STATISTICS_READ, _P.SCORECARDS_READ})
_OFFICE = _WORKS_ON_ORDERS | _COUNTS | {_P.ORDERS_MANAGE, _P.COLLECTING_READ, _P.HEAD_COUNTS_WRITE}
_ON_THE_SITE = _HANDLES_ALERTS | {_P.SITE_READ, _P.RULES_TUNE, _P.ORDERS_READ, _P.PATROL_WALK}
_SETS_DUTIES = frozenset({_P.DESK_MANAGE, _P.DUTY_READ, _P.DUTY_MANAGE, _P.SILENCES_MANAGE, _P.DELIVERIES_READ}) | {
    _P.PLATFORM_MANAGE
}
_DRILLS = frozenset({_P.DRILLS_READ, _P.DRILLS_MANAGE})
EVERYTHING = frozenset(_P) - {_P.OPEN}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: EVERYTHING,
    Role.HEAD_OF_LOGISTICS: _ON_THE_SITE | _SETS_DUTIES | _DRILLS | _OFFICE,
    Role.ENERGY_MANAGER: _ON_THE_SITE
    | _SETS_DUTIES
    | _DRILLS
    | _OFFICE
    | {_P.METRICS_READ, _P.READINGS_WRITE, _P.CHANNELS_TEST},
    Role.MAINTAINER: _ON_THE_SITE | _WORKS_ON_ORDERS | {_P.COLLECTING_READ, _P.DUTY_READ},
    Role.DORM_MANAGER: _ON_THE_SITE | {_P.HEAD_COUNTS_WRITE},
    Role.DUTY_GUARD: _ON_THE_SITE,
    Role.CONTRACTOR: _HANDLES_ALERTS | _WORKS_ON_ORDERS | {_P.SCORECARDS_READ},
    Role.AUDITOR: _ANYBODY
    | _COUNTS
    | {_P.ALERTS_READ, _P.SITE_READ, _P.COLLECTING_READ, _P.METRICS_READ, _P.USERS_READ}
    | {_P.DUTY_READ, _P.DELIVERIES_READ, _P.DRILLS_READ, _P.ORDERS_READ},
}

# These show or change what belongs to no single part, so an account that is limited to some never has them.
NEEDS_WHOLE_SITE = _SETS_DUTIES | _DRILLS | {_P.CHANNELS_TEST, _P.METRICS_READ, _P.USERS_READ, _P.USERS_MANAGE}
# What a token may be given. Accounts and their tokens are a person's own matter, behind a password.
TOKEN_SCOPES = tuple(p for p in _P if "." in p.value and not p.value.startswith("users."))
# They see what is assigned to them, and no other alert or work order.
OWN_ALERTS_ONLY = frozenset({Role.CONTRACTOR})


def permissions_of(role: Role, nodes: tuple[str, ...]) -> frozenset[Permission]:
    """What an account of this role may do, limited to these parts of the site."""
    return ROLE_PERMISSIONS[role] - (frozenset() if WHOLE_SITE in nodes else NEEDS_WHOLE_SITE)
