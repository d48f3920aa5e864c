"""Water and electricity lost, and what finding it early saved. All of it is an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from alerts.statistics.cases import Cases, Column, Flags
from alerts.statistics.discovery import UsualDiscovery

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Losses:
    """Lost since each onset, and saved: both m3, kWh and money; `valued` is how many alerts `saved` rests on.

    `money_spent`: what the repairs cost, as their orders say.
    """

    water_lost_m3: float = 0.0
    electricity_lost_kwh: float = 0.0
    money_lost: float = 0.0
    water_saved_m3: float = 0.0
    electricity_saved_kwh: float = 0.0
    money_saved: float = 0.0
    money_spent: float = 0.0
    valued: int = 0


@dataclass(frozen=True, slots=True)
class Valuing:
    """What a unit costs by medium, and the assumption about discovery, on the site's clock."""

    prices: Mapping[str, float]
    discovery: UsualDiscovery
    zone: ZoneInfo

    def valued(self, cases: Cases) -> Cases:
        """The same with what each lost and saved.

        Saved is its rate until the usual discovery, less what was lost all the same; only of what somebody took and
        the meters then cleared: a leak that went by itself was saved by nobody.
        """
        until = self.discovery.after(cases.onset, self.zone)
        loss = np.nan_to_num(cases.loss)
        saved = np.nan_to_num(cases.rate * (until - cases.onset) / _HOUR_MS - loss)
        return replace(
            cases,
            lost=np.where(cases.is_losing, np.maximum(loss, 0.0), 0.0),
            saved=np.where(self._is_ours(cases, until), np.maximum(saved, 0.0), 0.0),
        )

    def losses_of(self, cases: Cases) -> Losses:
        """The sums over these alerts, which `valued` has seen."""
        is_water = cases.medium == "water"
        lost, saved = ((float(c[is_water].sum()), float(c[~is_water].sum())) for c in (cases.lost, cases.saved))
        return Losses(
            water_lost_m3=round(lost[0], 3),
            electricity_lost_kwh=round(lost[1], 3),
            money_lost=self._money(*lost),
            water_saved_m3=round(saved[0], 3),
            electricity_saved_kwh=round(saved[1], 3),
            money_saved=self._money(*saved),
            money_spent=round(float(cases.spent.sum()), 2),
            valued=int((cases.saved > 0).sum()),
        )

    @staticmethod
    def _is_ours(cases: Cases, until: Column) -> Flags:
        is_taken = cases.taken <= cases.closed
        return cases.is_losing & ~cases.is_active & is_taken & (cases.closed < until)

    def _money(self, water: float, electricity: float) -> float:
        return round(water * self.prices.get("water", 0.0) + electricity * self.prices.get("electricity", 0.0), 2)
