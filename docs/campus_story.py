"""The simulated campus that the charts of the documents show: its readings, its faults, what the rules said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from svg_chart import HOUR_S, Floats

from metering.batch import ReadingBatch, concatenate
from metering.quantities import BY_NAME
from metering.site_document import parse_site
from rules.backtest import backtest
from rules.findings import Finding, FindingPhase
from rules.settings import parse_rules
from simulators.campus.campus import Campus, build_campus
from simulators.campus.faults import Fault
from simulators.campus.site_file import RULES

SEED, FIRST_DAY, DAYS = 1, date(2026, 10, 19), 35
LOCAL_S = 8 * HOUR_S
GAP_S = 2 * HOUR_S


@dataclass(frozen=True)
class Story:
    """The campus, what its meters showed, and what was said of it."""

    campus: Campus
    readings: ReadingBatch
    findings: tuple[Finding, ...]

    def fault(self, kind: str) -> Fault:
        """The campus's fault of that kind."""
        return next(f for f in self.campus.faults if f.kind == kind)

    def first(self, rule: str, fault: Fault) -> Finding:
        """What the rule said first of a fault.

        Raises:
            LookupError: nothing: the chart would show a miss.
        """
        for f in self.findings:
            is_it = f.rule == rule and f.phase is FindingPhase.OPEN and f.node == fault.node
            if is_it and seconds(f.at) >= begin(fault):
                return f
        raise LookupError(f"{rule} says nothing of {fault.id} at {fault.node}")

    def samples(self, meter: str, quantity: str) -> tuple[Floats, Floats]:
        """Local seconds and values of one quantity."""
        batch, code = self.readings, BY_NAME[quantity].code
        mine = (batch.meter == batch.meters.index(meter)) & (batch.quantity == code)
        times = batch.time[mine].astype("datetime64[ms]").astype(np.float64) / 1000 + LOCAL_S
        return times, np.asarray(batch.value[mine], np.float64)

    def rates(self, meter: str, step_s: int) -> tuple[Floats, Floats]:
        """Mean flow (m3/h) or power (kW) in steps, each at its start; NaN over gaps and where the register falls."""
        times, values = self.samples(meter, self._register[meter])
        edges = np.arange(np.ceil(times[0] / step_s), np.floor(times[-1] / step_s) + 1) * step_s
        at = np.clip(np.searchsorted(times, edges), 1, len(times) - 1)
        read = np.interp(edges, times, values)
        read[times[at] - times[at - 1] > GAP_S] = np.nan
        rate = np.diff(read) * HOUR_S / step_s
        return edges[:-1], np.where(rate < 0, np.nan, rate)

    @cached_property
    def _register(self) -> dict[str, str]:
        water = {p.id: p.medium == "water" for p in self.campus.layout.meters}
        return {m: "water_volume" if water[m] else "active_energy_import" for m in water}


def told() -> Story:
    """The campus of the seed through all rules."""
    campus = build_campus(SEED, FIRST_DAY, DAYS, is_demo=True)
    site = parse_site(campus.site_document())
    end = campus.start + np.timedelta64(DAYS, "D")
    findings: list[Finding] = []
    for events in backtest(site, parse_rules(RULES, site), campus.entries(campus.start, end)):
        findings += events.findings
    return Story(campus, concatenate(campus.history(campus.start, end)), tuple(findings))


def seconds(time: np.datetime64) -> float:
    """Local seconds."""
    return float(time.astype("datetime64[ms]").astype(np.int64)) / 1000 + LOCAL_S


def begin(fault: Fault) -> float:
    return fault.start.timestamp() + LOCAL_S


def finish(fault: Fault) -> float:
    return np.inf if fault.end is None else fault.end.timestamp() + LOCAL_S
