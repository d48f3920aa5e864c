"""Which meters count: settings were tuned on the even ones, in the order of their names; the odd ones are reported."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.detection.jobs import Half
from bench.detection.sets import DataSet


@dataclass(frozen=True)
class Chosen:
    """The places that count: those of the half's meters, and those that no meter of the other half stands at."""

    data: DataSet
    half: Half
    places: tuple[str, ...] = field(init=False)
    others: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        mine: dict[str, None] = {}
        others: set[str] = set()
        for i, meter in enumerate(sorted(self.data.site.meters)):
            is_mine = self.half is Half.ALL or (i % 2 == 1) == (self.half is Half.ODD)
            place = self.data.place(meter)
            if is_mine:
                mine[place] = None
            else:
                others.add(place)
        object.__setattr__(self, "places", tuple(p for p in mine if p in self.data.watched))
        object.__setattr__(self, "others", frozenset(others - set(mine)))

    def counts(self, place: str) -> bool:
        """Whether what happens there counts."""
        return place not in self.others

    @property
    def meter_months(self) -> float:
        """Months (of a twelfth of a year) that its places were watched."""
        return 12 * sum(self.data.watched[p].years for p in self.places)
