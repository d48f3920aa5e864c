"""Whom an alert may be given to, the same for the API and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from alerts.users.able import assignees
from alerts.users.accounts import normal_name
from alerts.users.reach import AlertsWithin
from alerts.users.values import Account
from api.dependencies import CurrentAlerts, CurrentUser, CurrentUsers, Parts
from api.parts import User
from api.problems import Problem
from metering.site import Site


@dataclass(frozen=True, slots=True)
class Assignable:
    """The accounts as they are now, and the one who gives: who need not have an account to take an alert."""

    site: Site
    alerts: AlertsWithin
    accounts: tuple[Account, ...]
    user: User

    def checked(self, alert_id: str, assignee: str) -> str:
        """The account's name as it is kept.

        Raises:
            UnknownAlertError: the one who asks does not see the alert.
            Problem: 422, no active account of this name may handle the alert.
        """
        able = {a.name for a in assignees(self.accounts, self.alerts.get(alert_id).node, self.site)}
        if assignee == self.user.name:
            return assignee
        if (name := normal_name(assignee)) not in able:
            raise Problem(422, f"The alert cannot be given to {assignee!r}: no active account that sees its place.")
        return name


def get_assignable(parts: Parts, alerts: CurrentAlerts, users: CurrentUsers, user: CurrentUser) -> Assignable:
    """For the one who asks."""
    return Assignable(parts.site(), alerts, users.accounts.list(), user)


CurrentAssignable = Annotated[Assignable, Depends(get_assignable)]
