"""The program's duty desk, as views are given it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from alerts.duty_desk.desk import DutyDesk
from api.dependencies import Parts
from api.problems import Problem


def get_duty_desk(parts: Parts) -> DutyDesk:
    """Roster, routes, silences. Raises: Problem 503."""
    if parts.duty_desk is None:
        raise Problem(503, "This program has no roster and no routes.")
    return parts.duty_desk


CurrentDutyDesk = Annotated[DutyDesk, Depends(get_duty_desk)]
