"""Giving alerts to people from a page: to accounts that may handle them and see their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from alerts.users.reach import AlertsWithin
from alerts.users.values import Account
from alerts.values import Actor, Alert
from api.alerts.acts import alert_event
from api.dependencies import CurrentActor, CurrentAlerts, CurrentUser, CurrentUsers, Parts
from api.parts import ApiParts, User
from api.problems import Problem
from api.web.people import assignees


@dataclass(frozen=True, slots=True)
class Assigner:
    """One person who gives alerts to others."""

    parts: ApiParts
    alerts: AlertsWithin
    accounts: tuple[Account, ...]
    user: User
    actor: Actor

    def assign(self, alert_id: str, assignee: str, version: int | None) -> Alert:
        """Give it; an empty name takes it back.

        Raises:
            AlertError: as `Desk.assign`.
            Problem: 422, there is no such account, or it does not see the place.
        """
        alert = self.alerts.get(alert_id)
        able = {a.name for a in assignees(self.accounts, alert.node, self.parts.site())}
        if assignee and assignee not in able | {self.user.name}:
            raise Problem(422, f"The alert cannot be given to {assignee!r}: no active account that sees its place.")
        done = self.parts.records.assign(alert_id, self.actor, assignee or None, expected_version=version)
        self.parts.stream.publish(alert_event(done, "assigned" if assignee else "unassigned"))
        return done


def get_assigner(
    parts: Parts, alerts: CurrentAlerts, users: CurrentUsers, user: CurrentUser, actor: CurrentActor
) -> Assigner:
    """The one who asks."""
    return Assigner(parts, alerts, users.accounts.list(), user, actor)


CurrentAssigner = Annotated[Assigner, Depends(get_assigner)]
