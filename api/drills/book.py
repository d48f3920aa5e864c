"""The book of drills, for views."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from alerts.drills.book import DrillBook
from api.dependencies import Parts


def get_drills(parts: Parts) -> DrillBook:
    """On the records' database."""
    return DrillBook(parts.records.database, parts.now)


Drills = Annotated[DrillBook, Depends(get_drills)]
