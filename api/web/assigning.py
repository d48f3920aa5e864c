"""Giving alerts to people from a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from alerts.values import Actor, Alert
from api.alerts.acts import alert_event
from api.alerts.assignable import Assignable, CurrentAssignable
from api.dependencies import CurrentActor, Parts
from api.parts import ApiParts


@dataclass(frozen=True, slots=True)
class Assigner:
    """One person who gives alerts to others."""

    parts: ApiParts
    assignable: Assignable
    actor: Actor

    def assign(self, alert_id: str, assignee: str, version: int | None) -> Alert:
        """Give it; an empty name takes it back.

        Raises:
            AlertError: as `Desk.assign`.
            Problem: 422, there is no such account, or it does not see the place.
        """
        name = self.assignable.checked(alert_id, assignee) if assignee else None
        done = self.parts.records.assign(alert_id, self.actor, name, expected_version=version)
        self.parts.stream.publish(alert_event(done, "assigned" if assignee else "unassigned"))
        return done


def get_assigner(parts: Parts, assignable: CurrentAssignable, actor: CurrentActor) -> Assigner:
    """The one who asks."""
    return Assigner(parts, assignable, actor)


CurrentAssigner = Annotated[Assigner, Depends(get_assigner)]
