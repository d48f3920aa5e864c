"""To whom an alert can be given: accounts that may handle alerts and see its place."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.users.roles import Permission
from alerts.users.values import Account, AccountState
from alerts.values import Alert
from metering.site import Site


def able_accounts(accounts: Iterable[Account]) -> list[Account]:
    """Those that may handle alerts at all."""
    return [a for a in accounts if a.state is AccountState.ACTIVE and Permission.ALERTS_HANDLE in a.granted]


def sees_place(account: Account, node: str, site: Site) -> bool:
    """Whether the place is within an account's parts of the (whole) site."""
    above = site.place_path(node) if node in site.nodes else (node,)
    return account.is_whole_site or not set(above).isdisjoint(account.nodes)


def assignees(accounts: Iterable[Account], node: str, site: Site) -> list[Account]:
    """Those that an alert at this place can be assigned to: they may handle it, and see the place."""
    return [a for a in able_accounts(accounts) if sees_place(a, node, site)]


def heirs_of(leaving: Account, held: Iterable[Alert], accounts: Iterable[Account], site: Site) -> list[Account]:
    """Who could take over what an account holds: who may handle alerts, and sees every one of these by the place."""
    able = [a for a in able_accounts(accounts) if a.id != leaving.id and not a.sees_own_alerts_only]
    nodes = {alert.node for alert in held}
    return [a for a in able if all(sees_place(a, node, site) for node in nodes)]
