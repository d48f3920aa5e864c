"""Whom a work order may be given to, the same for the API and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from alerts.users.accounts import normal_name
from alerts.users.roles import Permission
from alerts.users.values import Account, AccountState
from api.dependencies import CurrentUser, CurrentUsers
from api.parts import User
from api.problems import Problem


@dataclass(frozen=True, slots=True)
class Workers:
    """The accounts as they are now, and the one who gives: who need not have an account to take an order."""

    accounts: tuple[Account, ...]
    user: User

    def checked(self, assignee: str | None) -> str | None:
        """The account's name as it is kept; None: nobody. Raises: Problem (422), it cannot work on orders."""
        if assignee is None or assignee == self.user.name:
            return assignee
        able = {a.name for a in self.accounts if a.state is AccountState.ACTIVE and Permission.ORDERS_WORK in a.granted}
        if (name := normal_name(assignee)) not in able:
            raise Problem(422, f"There is no active account {assignee!r} that orders can be given to.")
        return name


def get_workers(users: CurrentUsers, user: CurrentUser) -> Workers:
    """For the one who asks."""
    return Workers(users.accounts.list(), user)


CurrentWorkers = Annotated[Workers, Depends(get_workers)]
