"""Demand: power over 15 minutes above what the contract, the transformer or the place allows.

Judged on the register's use of each step, as suppliers do, and so however often a meter is read. Steps that were spread
over a gap are left out: their mean hides the peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from metering.batch import Float64, Quality
from metering.incident import Category, Severity
from metering.site import Site
from metering.windows import GRID_MS
from rules.blocks import STEPS_PER_HOUR, Columns, IntervalBlock
from rules.detectors.base import Context
from rules.detectors.conditions import Condition, Limit
from rules.detectors.detector import RuleDetector
from rules.detectors.open_findings import to_time
from rules.detectors.settings import DetectorSettings, SettingsOf
from rules.findings import Finding, FindingPhase

TRANSFORMER, CONTRACT, LIMIT = NAMES = ("transformer_overload", "contract_demand", "place_limit")
"""Codes of what is exceeded, the worst first."""

_HOUR_MS = 3_600_000


class DemandSettings(DetectorSettings):
    """By node (`overrides`); none of them is set at first. A figure holds for the node at which it is given alone."""

    transformer_kva: float | None = Field(default=None, gt=0, description="Rating of the transformer at the node.")
    load_factor: float = Field(default=0.9, gt=0, le=1, description="Power factor of its load: kW a kVA.")
    overload_min: float = Field(default=30, ge=15, le=1440, description="Overload of so long is told: oil is slow.")
    contract_kw: float | None = Field(
        default=None, gt=0, description="Contracted demand; empty: `contract_demand_kw` of the site file."
    )
    limit_kw: float | None = Field(default=None, gt=0, description="What the place may draw, say a room's share.")
    clear_share: float = Field(default=0.95, gt=0, lt=1, description="Over below this share of the limit ...")
    clear_h: float = Field(default=2, ge=0, le=168, description="... for so long.")
    critical_share: float = Field(default=1.2, ge=1, description="Critical from this multiple of the limit on.")


@dataclass(frozen=True, slots=True)
class _Place:
    """A node with limits, the columns that feed it, and each limit in kW with how it is judged."""

    node: str
    subject: str
    columns: npt.NDArray[np.intp]
    limits: tuple[tuple[float, Limit], ...]
    critical: float


@dataclass
class DemandMemory:
    """By node: conditions that are not idle by their code, and what is told."""

    conditions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)


class Demand(RuleDetector):
    """Judges nodes that have a limit and electricity meters. Subject: the meter, or the node where several feed it."""

    rule = "demand"
    warm_up_days = 0
    Settings = DemandSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._places = _places(context.columns, settings_of)
        self._memory: DemandMemory = DemandMemory()

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        if not self._places:
            return ()
        usage = np.where(block.quality & Quality.ESTIMATED, np.nan, block.usage)
        findings: list[Finding] = []
        for place in self._places:
            demand = usage[:, place.columns].sum(axis=1) * STEPS_PER_HOUR
            is_high = bool((demand > min(kw for kw, _ in place.limits)).any())
            if is_high or place.node in self._memory.conditions:
                findings += self._walk(place, block, demand)
        return sorted(findings, key=lambda f: f.at)

    def _walk(self, place: _Place, block: IntervalBlock, demand: Float64) -> list[Finding]:
        states = self._memory.conditions.pop(place.node, {})
        conditions = {limit.name: Condition(**states.get(limit.name, {})) for _, limit in place.limits}
        findings: list[Finding] = []
        for step, (kw, at) in enumerate(zip(demand.tolist(), block.judged_at, strict=True)):
            start = (block.first_step + step) * GRID_MS
            for allowed, limit in place.limits:
                conditions[limit.name].take(start, kw / allowed, limit)
            findings += self._tell(place, conditions, at)
        if left := {name: c.to_state() for name, c in conditions.items() if not c.is_idle}:
            self._memory.conditions[place.node] = left
        return findings

    # -- findings -------------------------------------------------------------------------------------------------

    def _tell(self, place: _Place, conditions: dict[str, Condition], at: np.datetime64) -> list[Finding]:
        """One finding a place; it names the worst of what is exceeded. Higher peaks by a tenth are news."""
        on = [limit.name for _, limit in place.limits if conditions[limit.name].is_on]
        told = self._memory.told.get(place.node)
        if not on:
            if told is None:
                return []
            return [self._say(FindingPhase.CLOSE, place, self._memory.told.pop(place.node), at)]
        worst = conditions[on[0]].worst
        if told is not None and told["on"] == on and worst < 1.1 * told["worst"]:
            return []
        onset = min(conditions[name].since for name in on)
        figures = {"on": on, "worst": worst, "onset": onset if told is None else min(onset, told["onset"])}
        self._memory.told[place.node] = figures
        return [self._say(FindingPhase.OPEN if told is None else FindingPhase.UPDATE, place, figures, at)]

    def _say(self, phase: FindingPhase, place: _Place, figures: dict[str, Any], at: np.datetime64) -> Finding:
        name, worst = figures["on"][0], float(figures["worst"])
        allowed = next(kw for kw, limit in place.limits if limit.name == name)
        return Finding(
            phase=phase, rule=self.rule, subject=place.subject, node=place.node, category=Category.SUPPLY,
            medium="electricity", severity=Severity.CRITICAL if worst >= place.critical else Severity.WARNING, at=at,
            onset=to_time(figures["onset"]), observed=worst * allowed, expected=allowed, unit="kW",
            size=(worst - 1) * allowed, evidence={"condition": name, "conditions": figures["on"]},
        )  # fmt: skip


def _places(columns: Columns, settings_of: SettingsOf) -> tuple[_Place, ...]:
    found = []
    for node in columns.site.nodes:
        feeding = _feeding(columns, node)
        limits = _limits(columns.site, node, settings_of) if feeding else ()
        if limits:
            subject = columns.meters[feeding[0]].id if len(feeding) == 1 else node
            critical = settings_of(node).critical_share
            found.append(_Place(node, subject, np.array(feeding, np.intp), limits, critical))
    return tuple(found)


def _feeding(columns: Columns, node: str) -> list[int]:
    """Columns of the node's electricity meters that no other one of it feeds."""
    here = {m.id: c for c, m in enumerate(columns.meters) if m.node == node and m.medium == "electricity"}
    return [c for m, c in here.items() if not here.keys() & set(columns.site.meters[m].parents)]


def _limits(site: Site, node: str, settings_of: SettingsOf) -> tuple[tuple[float, Limit], ...]:
    own, parent = settings_of(node), site.nodes[node].parent
    above = settings_of(parent)
    if not own.enabled:
        return ()

    def here(name: str) -> float | None:
        """A figure that is the parent's too is not the node's own, but handed down."""
        figure = getattr(own, name)
        return None if parent is not None and figure == getattr(above, name) else figure

    clear = round(own.clear_h * _HOUR_MS)
    kva, limits = here("transformer_kva"), []
    if kva is not None:
        limits.append((kva * own.load_factor, _limit(TRANSFORMER, own, round(own.overload_min * 60_000), clear)))
    for name, kw in ((CONTRACT, here("contract_kw") or site.nodes[node].contract_demand_kw), (LIMIT, own.limit_kw)):
        if kw is not None:
            limits.append((kw, _limit(name, own, GRID_MS, clear)))
    return tuple(limits)


def _limit(name: str, settings: DemandSettings, lasts_ms: int, clear_ms: int) -> Limit:
    """A step lasts from its start to its end: the first one above shows a quarter of an hour."""
    return Limit(name, 1.0, settings.clear_share, lasts_ms - GRID_MS, clear_ms)
