"""Opening orders from pages: of one alert, of many, of a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends

from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.values import Order
from alerts.users.reach import AlertsWithin
from alerts.users.roles import Permission
from api.dependencies import CurrentAlerts, CurrentUser, Parts
from api.orders.answering import tell
from api.orders.reach import CurrentOrders, CurrentPerson
from api.orders.workers import CurrentWorkers, Workers
from api.parts import ApiParts, User
from api.problems import Problem


@dataclass(frozen=True, slots=True)
class Opener:
    """One person of the office."""

    parts: ApiParts
    orders: Orders
    alerts: AlertsWithin
    person: Person
    user: User
    workers: Workers

    def open(self, new: NewOrder) -> Order:
        """Open it, as far as the person sees what it is of.

        Raises:
            AlertError: as `Orders.open`.
            Problem: 403; 422, there is no such account.
        """
        if not self.user.may(Permission.ORDERS_MANAGE):
            raise Problem(403, f"{self.user.name} may not open work orders.")
        if new.alert_id is not None:
            self.alerts.get(new.alert_id)
        given = replace(new, assignee=self.workers.checked(new.assignee))
        order = self.orders.open(self.person, given, self.alerts.reach.covers)
        tell(self.parts, order, "opened")
        return order

    def open_of_alert(self, alert_id: str, assignee: str) -> Order:
        """One order, given to this account unless the name is empty. Raises: as `open`."""
        return self.open(NewOrder(alert_id=alert_id, assignee=assignee or None))


def get_opener(
    parts: Parts, orders: CurrentOrders, alerts: CurrentAlerts, person: CurrentPerson, user: CurrentUser,
    workers: CurrentWorkers,
) -> Opener:  # fmt: skip
    """The one who asks."""
    return Opener(parts, orders, alerts, person, user, workers)


CurrentOpener = Annotated[Opener, Depends(get_opener)]
