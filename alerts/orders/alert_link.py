"""What an act on an order does to its alert, by the same person in the same transaction."""

from __future__ import annotations

from alerts.actions import PersonsHand
from alerts.errors import ConflictError
from alerts.models import AlertRow
from alerts.values import Outcome


class AlertLink:
    """The alerts of one person's acts. An alert's outcome and who has it are never taken from somebody else unseen."""

    def __init__(self, hand: PersonsHand) -> None:
        self._hand = hand

    def take(self, alert_id: str) -> AlertRow:
        """Somebody has it: there is an order. Raises: UnknownAlertError."""
        try:
            return self._hand.acknowledge(alert_id, None)
        except ConflictError:  # somebody else has it already: so much the better
            return self._hand.seen(alert_id)

    def is_active(self, alert_id: str) -> bool:
        """Whether the meters still see it."""
        return self._hand.seen(alert_id).is_active

    def hand_over(self, alert_id: str | None, assignee: str | None) -> None:
        """Who works on the order is to see to the alert too."""
        if alert_id is None:
            return
        row = self._hand.seen(alert_id)
        if assignee is None:
            self._hand.unassign(alert_id, row.version)
        else:
            self._hand.assign(alert_id, assignee, row.version)

    def resolve(self, alert_id: str | None, outcome: Outcome) -> None:
        """What whoever worked on it found it to be."""
        if alert_id is not None:
            self._hand.resolve(alert_id, outcome, self._hand.seen(alert_id).version)

    def withdraw(self, alert_id: str | None) -> None:
        """It was not so after all."""
        if alert_id is not None:
            self._hand.withdraw(alert_id, self._hand.seen(alert_id).version)
