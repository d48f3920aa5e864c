"""A campus of a thousand meters for a year, made day by day from a seed: what a big university's meters would send.

Water and electricity of dormitories (building, floors, rooms) and of teaching buildings (building, floors), two zones
of the water network, one fed by two inlets, two feeders of electricity. Feeders and dormitories state voltages, power
besides. Registers with pulses and noise, 1 % of the readings lost; some floors leak, some meters fall silent, stand
still or start again from zero, some rooms have a heater: so every detector has something to follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, ReadingBatch, batch_of
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site
from rules.calendar import VACATION, WORKDAY, school_days

START = np.datetime64("2025-08-31T16:00:00", "ms")  # midnight in Asia/Shanghai
FIRST_DAY = 20332  # that local day, since 1970-01-01: a Monday
A_DAY, STEP_MS = 96, 900_000
FLOORS, ROOMS = 6, 8  # of a dormitory; of a floor
TEACHING_FLOORS = 3
ZONES, DORMS_OF_TEN = 2, 2
LOST = 0.01
VOLTAGES = ("voltage_l1", "voltage_l2", "voltage_l3", "active_power")
_HOURS = np.arange(A_DAY) / 4
_DAY_SHAPE = 0.2 + np.exp(-(((_HOURS - 7.5) / 2) ** 2)) + np.exp(-(((_HOURS - 20.5) / 2.5) ** 2))
_WORK_SHAPE = 0.15 + 1.2 / (1 + np.exp(-(_HOURS - 8) * 2)) / (1 + np.exp((_HOURS - 18) * 2))


@dataclass
class _Plan:
    """The nodes and meters of the site file as they are thought of."""

    nodes: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "campus", "kind": "campus"}])
    meters: list[dict[str, Any]] = field(default_factory=list)

    def node(self, name: str, kind: str, parent: str, **more: Any) -> None:
        self.nodes.append({"id": name, "kind": kind, "parent": parent, **more})

    def meter(self, name: str, node: str, parent: str | list[str] | None, resolution: float) -> None:
        medium = "water" if name.startswith("w-") else "electricity"
        above = {} if parent is None else {"parent": parent}
        self.meters.append(
            {"id": name, "medium": medium, "node": node, "poll_s": 900, "resolution": resolution, **above}
        )


def campus(meters: int = 1000) -> Site:
    """Two dormitories, then eight teaching buildings, and so on, until there are so many meters."""
    plan = _Plan()
    for z in range(ZONES):
        plan.node(f"zone-{z}", "zone", "campus")
        for inlet in range(z + 1):
            plan.meter(f"w-inlet-{z}{inlet}", f"zone-{z}", None, 0.1)
        plan.meter(f"e-feeder-{z}", f"zone-{z}", None, 1.0)
    number = 0
    while len(plan.meters) < meters:
        _building(plan, number)
        number += 1
    plan.meters = plan.meters[:meters]
    periods = [{"first": "2025-09-01", "last": "2026-01-16"}, {"first": "2026-02-23", "last": "2026-07-11"}]
    site = {"id": "bench", "timezone": "Asia/Shanghai"}
    return parse_site({"site": site, "calendar": {"terms": periods}, "nodes": plan.nodes, "meters": plan.meters})


def _building(plan: _Plan, number: int) -> None:
    is_dorm = number % 10 < DORMS_OF_TEN
    zone, name = number % ZONES, f"{'dorm' if is_dorm else 'hall'}-{number}"
    floors = FLOORS if is_dorm else TEACHING_FLOORS
    plan.node(name, "building", f"zone-{zone}", use="dormitory" if is_dorm else "teaching", contract_demand_kw=400)
    inlets = [f"w-inlet-{zone}{i}" for i in range(zone + 1)]
    plan.meter(f"w-{name}", name, inlets, 0.01)
    plan.meter(f"e-{name}", name, f"e-feeder-{zone}", 0.1)
    for f in range(floors):
        floor = f"{name}-{f}"
        plan.node(floor, "floor", name)
        plan.meter(f"w-{floor}", floor, f"w-{name}", 0.001)
        plan.meter(f"e-{floor}", floor, f"e-{name}", 0.01)
        for r in range(ROOMS if is_dorm else 0):
            plan.node(f"{floor}-{r}", "room", floor, use="dormitory", beds=4)
            plan.meter(f"e-{floor}-{r}", f"{floor}-{r}", f"e-{floor}", 0.01)


class Readings:
    """What the meters of `campus` send, a batch a day in the order of time. The same seed gives the same."""

    def __init__(self, site: Site, days: int, seed: int) -> None:
        self.days = days
        self._rng = np.random.default_rng(seed)
        self._meters = tuple(site.meters)
        self._ids = np.array(self._meters)
        self._codes = np.array([m.main_register.code for m in site.meters.values() if m.main_register is not None])
        self._resolution = np.array([m.resolution for m in site.meters.values()], np.float64)
        self._kinds = school_days(site)
        self._shares = _shares(site)
        self._is_water = np.char.startswith(self._ids, "w-")
        depth = np.char.count(self._ids, "-")
        self._is_room = depth == 4
        self._is_floor = depth == 3
        self._is_hall = np.char.find(self._ids, "hall") >= 0
        self._speaks = ~self._is_water & (depth == 2) & ~self._is_hall
        self._mean = self._rng.gamma(6, 1 / 6, len(self._meters)) * np.select(
            [self._is_room, self._is_water & self._is_floor, self._is_floor & self._is_hall], [0.06, 0.15, 2.0], 0.02
        )  # m3 or kWh a step
        self._faults = _Faults.of(self._is_water & self._is_floor, self._is_room, self._rng)
        self._before = np.zeros(len(self._meters))

    def __iter__(self) -> Iterator[ReadingBatch]:
        return map(self._day, range(self.days))

    def intervals(self) -> int:
        """Meters times steps."""
        return len(self._meters) * self.days * A_DAY

    def _day(self, day: int) -> ReadingBatch:
        used = self._used(day)
        register = self._before + used.cumsum(axis=0)
        register[:, self._faults.restarted(day)] = used[:, self._faults.restarted(day)].cumsum(axis=0)
        self._before = register[-1]
        register = self._faults.frozen(register, day)
        kept = (self._rng.random(register.shape) > LOST) & ~self._faults.silent(day)
        step, meter = np.nonzero(kept)
        value = np.floor(register / self._resolution)[step, meter] * self._resolution[meter]
        more = self._said(used[:, self._speaks], day)
        rows = [np.concatenate(pair) for pair in zip((step, meter, self._codes[meter], value), more, strict=True)]
        order = np.argsort(rows[0], kind="stable")
        step, meter, code, value = (row[order] for row in rows)
        time = START + ((day * A_DAY + step + 1) * STEP_MS).astype("m8[ms]")
        return batch_of(self._meters, meter, code, time, value)

    def _used(self, day: int) -> Float64:
        """Steps x meters, m3 or kWh: what each meter's own people use, and for a parent all below it besides."""
        kind = self._kinds.kind(FIRST_DAY + day)
        is_rest, is_away = kind != WORKDAY, kind == VACATION
        shape = np.where(self._is_hall, _WORK_SHAPE[:, None], _DAY_SHAPE[:, None])
        share = np.where(self._is_hall, 0.35 if is_rest else 1.0, 0.15 if is_away else 1.0)
        own = shape * share * self._mean * self._rng.gamma(3, 1 / 3, shape.shape)
        own[:, self._is_water] *= self._rng.random((A_DAY, int(self._is_water.sum()))) > 0.3 * (_HOURS < 5)[:, None]
        own += self._faults.excess(day)
        return np.asarray(own @ self._shares, np.float64)

    def _said(self, used: Float64, day: int) -> tuple[npt.NDArray[Any], ...]:
        """Step, meter, quantity and value of what buildings state besides."""
        meters = np.flatnonzero(self._speaks)
        step, meter = np.indices((A_DAY, len(meters))).reshape(2, -1)
        volts = 226 + self._rng.normal(0, 2, (3, used.size))
        if day % 40 == 7:
            volts[:, step < 12] -= 35
        values = [*volts, used.reshape(-1) * 4]
        codes = [np.full(len(step), BY_NAME[name].code) for name in VOLTAGES]
        return np.tile(step, 4), np.tile(meters[meter], 4), np.concatenate(codes), np.concatenate(values)


@dataclass
class _Faults:
    """Which meters have what, in turns of some weeks: leaking floors, heaters in rooms, meters out of order."""

    leaking: npt.NDArray[np.intp]
    heated: npt.NDArray[np.intp]
    ailing: npt.NDArray[np.intp]
    width: int

    @classmethod
    def of(cls, floors: npt.NDArray[np.bool_], rooms: npt.NDArray[np.bool_], rng: np.random.Generator) -> _Faults:
        every = rng.permutation(len(floors))
        return cls(rng.permutation(np.flatnonzero(floors)), rng.permutation(np.flatnonzero(rooms)), every, len(floors))

    def excess(self, day: int) -> Float64:
        """Steps x meters, m3 or kWh: three leaks of 40 L/h for three weeks at a time, heaters on some evenings."""
        out = np.zeros((A_DAY, self.width))
        if day >= 60:
            out[:, self._turn(self.leaking, 3, day, 21)] += 0.01
        for at, room in enumerate(self.heated[: max(len(self.heated) // 20, 1)]):
            if (day + at) % 5 == 0:
                out[84:87, room] += 0.5
        return out

    def silent(self, day: int) -> npt.NDArray[np.bool_]:
        """By meter: two at a time send nothing for three days."""
        mask = np.zeros(self.width, bool)
        mask[self._turn(self.ailing, 2, day, 3)] = True
        return mask

    def frozen(self, register: Float64, day: int) -> Float64:
        """One at a time shows the same from midnight to midnight, for four days."""
        stuck, shown = self._turn(self.ailing[::-1], 1, day, 4), register.copy()
        shown[:, stuck] = register[0, stuck]
        return shown

    def restarted(self, day: int) -> npt.NDArray[np.intp]:
        """One meter every ten days starts again from zero."""
        return self.ailing[[day // 10 % self.width]] if day % 10 == 9 else self.ailing[:0]

    @staticmethod
    def _turn(of: npt.NDArray[np.intp], count: int, day: int, days: int) -> npt.NDArray[np.intp]:
        return of[np.arange(count) + day // days * count % max(len(of) - count, 1)] if len(of) >= count else of[:0]


def _shares(site: Site) -> Float64:
    """Meters x meters: of what one uses, how much another counts (all of it, or its part where several feed)."""
    ids = list(site.meters)
    at = {meter: i for i, meter in enumerate(ids)}
    out = np.eye(len(ids))
    for meter in reversed(ids):
        parents = site.meters[meter].parents
        for parent in parents:
            out[:, at[parent]] += out[:, at[meter]] / len(parents)
    return out
