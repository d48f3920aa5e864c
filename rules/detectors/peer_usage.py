"""Peer usage: a room that uses far more than like rooms, and more than it used to among them.

    standing = use a bed / median use a bed of the peers that day

What all share (weather, weekends, exams) is gone from the standing. Rooms differ, so a room's rise is its standing
against its own past weeks (`peer_rise`); told when the rise is large, lasts, and the room's own use truly rose. A room
that has been heavy ever since is told only where it is extreme. Nobody is judged on days when the peers are away.

Reference: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993 (median and MAD scores); Leys et al., Journal
of Experimental Social Psychology 49, 2013.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from metering.batch import Float64, Mask
from metering.incident import Category, Severity
from metering.quantities import ELECTRICITY
from metering.windows import GRID_MS
from rules.blocks import IntervalBlock
from rules.detectors.base import Context
from rules.detectors.day_log import median
from rules.detectors.detector import RuleDetector
from rules.detectors.moments import columns_of, pieces
from rules.detectors.open_findings import to_int, to_time
from rules.detectors.peer_groups import peer_groups
from rules.detectors.peer_memory import PeerMemory
from rules.detectors.peer_rise import AGAIN_DAYS, Usual, is_large, mean, rises, usual_of
from rules.detectors.settings import DetectorSettings, SettingsOf, per_column
from rules.detectors.standing_load import BLOCK_MINUTES, LEAST_PEERS
from rules.findings import Finding, FindingPhase

_MIDNIGHT = 24 * 60
_DAY_MS = 86_400_000
_WHOLE_DAY = 86  # known steps of 96 that make a day
_AWAY = ("vacation", "holiday")
_STRANGER_DAYS = 5


class PeerUsageSettings(DetectorSettings):
    """Ratios are in the use of a bed; logs of them are compared."""

    cautious: ClassVar[Mapping[str, float]] = dict.fromkeys(
        ("ratio", "quick_ratio", "peers_ratio", "own_ratio", "extreme_ratio", "stranger_ratio", "load_ratio"), 1.0
    ) | dict.fromkeys(("sigma", "peers_sigma", "least_kw", "load_kw"), 0.0)

    ratio: float = Field(
        default=1.6, gt=1, description="Rise of the standing against the room's own past that is told after a week."
    )
    quick_ratio: float = Field(
        default=2.2, gt=1, description="Rise that is told after `days` days; between the two the days in between."
    )
    peers_ratio: float = Field(
        default=1.1, gt=0, description="Least use against the peers' median: a modest room that catches up is no case."
    )
    sigma: float = Field(default=3.5, gt=0, description="How far outside the room's own scatter the rise must be.")
    peers_sigma: float = Field(default=2.0, gt=0, description="How far outside the scatter of its peers' rises.")
    season_share: float = Field(
        default=0.5,
        ge=0,
        description="Share of the peers' own rise (log) that is added: in a cold spell or a heat wave rooms part by "
        "themselves.",
    )
    days: int = Field(default=3, ge=2, le=7, description="Days it must last: a party or a visit is shorter.")
    own_ratio: float = Field(default=1.2, gt=1, description="Least rise of the room's own use.")
    least_kw: float = Field(
        default=0.045, ge=0, description="Least rise of the whole room, in kW: of less nobody acts."
    )
    extreme_ratio: float = Field(
        default=5.0, gt=1, description="Use against peers, a week on end, that is told even where it was always so."
    )
    stranger_ratio: float = Field(
        default=3.5, gt=1, description="The same, five days on end, for a room whose past is not known (a new term)."
    )
    least_scatter: float = Field(
        default=0.12, gt=0, description="Least sigma of a day's standing, as a share: people are not clocks."
    )
    clear_share: float = Field(default=0.4, gt=0, lt=1, description="Cleared below this share of the rise (log).")
    peers_at_home: float = Field(
        default=0.5, gt=0, lt=1, description="Share of their usual median that the peers must use: else it is vacation."
    )
    load_kw: float = Field(
        default=0.15,
        gt=0,
        description="Standing load above the room's usual that is told, in vacations too: more than a fridge, a router "
        "and a computer left on (30 to 100 W), less than the smallest heater.",
    )
    load_ratio: float = Field(
        default=3.0,
        gt=1,
        description="Its size against the peers' highest tenth at which a day counts in full; one of equal size proves "
        "nothing: on hot days all have loads.",
    )
    learn_days: int = Field(default=14, ge=5, description="Usable days that must be known of the room.")


@dataclass(frozen=True, slots=True)
class _Day:
    """A day by column: use a bed, the peers' median, standing (1: as they), what is usual; who can be judged."""

    use: Float64
    peers: Float64
    offset: Float64
    standing: Float64
    usual: Usual
    is_known: Mask
    judged: Mask


def _known(figure: np.float64) -> float:
    """The figure; 0 where it is not known."""
    return float(np.nan_to_num(figure))


class PeerUsage(RuleDetector):
    """Judges rooms, and dwellings, that have at least eight peers. Subject and node: the room's meter and room."""

    rule = "peer_usage"
    warm_up_days = 21
    Settings = PeerUsageSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._groups = peer_groups(context.columns, ("room",), ("dwelling",), LEAST_PEERS)
        self._at = self._groups.columns
        self._meters = [context.columns.meters[c] for c in self._at]
        self._set = {name: per_column(settings_of, self._meters, name) for name in PeerUsageSettings.model_fields}
        # What a load is worth is known in kW; a tap that never closes is a leak and not this rule's.
        self._is_electric = np.array([m.medium == ELECTRICITY for m in self._meters], bool)
        self._has_load = self._is_electric & (self._set["enabled"] > 0)
        self._memory: PeerMemory = PeerMemory.of(len(self._at))

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        findings: list[Finding] = []
        if not len(self._at):
            return findings
        for piece, minute in pieces(columns_of(block, self._at), BLOCK_MINUTES):
            self._memory.standing_load.take_in(piece, ends=minute is not None)
            known = ~np.isnan(piece.usage)
            for usage, is_known in zip(piece.usage, known, strict=True):  # step by step: no sum depends on the cut
                self._memory.used += np.where(is_known, usage, 0.0)
            self._memory.known += known.sum(axis=0)
            if minute == _MIDNIGHT:
                findings += self._midnight(piece)
        return findings

    def _midnight(self, block: IntervalBlock) -> list[Finding]:
        memory = self._memory
        day = self._day(self._context.days.kind(block.local_day))
        is_open = memory.open.mask(len(self._at))
        # Both the own day and a wait of a week: what is found within it is never learned from.
        usable = day.judged & ~is_open & ~block.flagged
        standing, own = (np.where(day.judged, figure, np.nan) for figure in (day.standing, day.use + day.offset))
        memory.push_day(standing, own, day.peers, usable, ~is_open)
        memory.used = np.zeros(len(self._at))
        memory.known = np.zeros(len(self._at), np.int64)
        load, beds = memory.standing_load, self._groups.beds
        load.end_day(day.use * beds / 24, self._groups, ~is_open & ~block.flagged, self._set)
        raised = self._is_raised(day, block.local_day) & day.judged & ~is_open
        memory.told_day = np.where(is_open | raised, block.local_day, memory.told_day)
        loaded = load.is_proven(self._set["days"]) & self._has_load & ~is_open & ~raised
        findings = [self._open(int(c), day, block) for c in np.flatnonzero(raised)]
        findings += [self._open_load(int(c), day, block) for c in np.flatnonzero(loaded)]
        for column in [int(c) for c in np.flatnonzero(is_open)]:
            if "load" in memory.open.by_place[str(column)]:
                findings += self._follow_load(column, day, block)
            elif day.judged[column]:
                findings.append(self._follow(column, day, block))
        return findings

    def _day(self, kind: str) -> _Day:
        """The day that ended, against peers and against what is usual. A meter that counted down is not known."""
        memory, settings = self._memory, self._set
        is_whole = (memory.known >= _WHOLE_DAY) & (memory.used >= 0)
        use = np.where(is_whole, memory.used / self._groups.beds, np.nan)
        peers = self._groups.medians(use)
        usual_peers = median(memory.group.values)
        # A little of the median is added to every use: nearly nothing against nearly nothing says nothing.
        offset = 0.03 * peers + 1e-6
        usual = usual_of(memory, peers, self._is_electric)
        enough = self._groups.counts(~np.isnan(use)) >= LEAST_PEERS
        at_home = np.isnan(usual_peers) | (peers >= settings["peers_at_home"] * usual_peers)
        judged = enough & at_home & ~np.isnan(use) & (settings["enabled"] > 0) & (kind not in _AWAY)
        is_known = usual.days >= settings["learn_days"]
        return _Day(use, peers, offset, (use + offset) / (peers + offset), usual, is_known, judged)

    def _is_raised(self, day: _Day, local_day: int) -> Mask:
        """Whether the last days are far above the usual, or above the peers by so much that no past is asked for."""
        memory, settings, recent = self._memory, self._set, self._memory.recent_standing
        found = rises(memory, day.usual, self._groups)
        memory.recent_week[0] = found.rise[-1] + day.usual.level
        large = is_large(found, day.usual, settings, local_day - memory.told_day <= AGAIN_DAYS)
        own, usual = mean(memory.recent_own), day.usual.own
        large &= own >= settings["own_ratio"] * usual
        large &= ~self._is_electric | ((own - usual) * self._groups.beds / 24 >= settings["least_kw"])
        extreme = (recent >= settings["extreme_ratio"]).all(axis=0)
        stranger = ~day.is_known & (recent[:_STRANGER_DAYS] >= settings["stranger_ratio"]).all(axis=0)
        return np.asarray(large | extreme | stranger, bool)

    # -- findings -------------------------------------------------------------------------------------------------

    def _open(self, column: int, day: _Day, block: IntervalBlock) -> Finding:
        above = self._rise(column, day) >= 0.5 * np.log(self._set["ratio"][column])
        days = len(above) if above.all() else int(np.argmin(above))
        days = max(days, 1)
        midnight = (block.first_step + block.steps) * GRID_MS
        size = self._excess(column, day) / 24
        rise = float(np.nan_to_num(self._rise_of(column, days, day)))
        noted = self._memory.open.open(column, to_time(midnight - days * _DAY_MS), size, rise=rise)
        noted["total"] = size * 24 * days
        self._forget_waiting(column)
        return self._say(FindingPhase.OPEN, column, day, block, noted)

    def _rise(self, column: int, day: _Day) -> Float64:
        """Log of the last days' standing, newest first, above the usual; above the peers' where none is known."""
        usual = day.usual.level[column] if day.is_known[column] else 0.0
        return np.asarray(np.log(self._memory.recent_standing[:, column]) - usual, np.float64)

    def _rise_of(self, column: int, days: int, day: _Day) -> float:
        """The same of so many days together."""
        return float(np.log(mean(np.exp(self._rise(column, day)[:days]))))

    def _forget_waiting(self, column: int) -> None:
        """The days that wait to be learned are part of what was found."""
        self._memory.recent_usable[:, column] = False
        self._memory.standing_load.forget_waiting(column)

    def _open_load(self, column: int, day: _Day, block: IntervalBlock) -> Finding:
        """A load that never stops: its size is the load, whatever else the room uses."""
        load = self._memory.standing_load
        midnight = (block.first_step + block.steps) * GRID_MS
        days, size = int(load.days[column]), float(load.load[column])
        onset = to_time(midnight - days * _DAY_MS)
        noted = self._memory.open.open(column, onset, size, load=size)
        noted["total"] = size * 24 * days
        self._forget_waiting(column)
        return self._say(FindingPhase.OPEN, column, day, block, noted)

    def _follow_load(self, column: int, day: _Day, block: IntervalBlock) -> list[Finding]:
        """Closed by a day on which the load is gone; a day that is not known says nothing."""
        noted, size = self._memory.open.by_place[str(column)], float(self._memory.standing_load.load[column])
        if np.isnan(size):
            return []
        if size < self._set["clear_share"][column] * noted["load"]:
            self._memory.open.close(column)
            return [self._say(FindingPhase.CLOSE, column, day, block, noted)]
        noted["size"] = noted["load"] = 0.5 * (noted["size"] + size)
        noted["peak"] = max(noted["peak"], noted["size"])
        noted["total"] += size * 24
        return [self._say(FindingPhase.UPDATE, column, day, block, noted)]

    def _follow(self, column: int, day: _Day, block: IntervalBlock) -> Finding:
        noted = self._memory.open.by_place[str(column)]
        if self._rise_of(column, 2, day) < self._set["clear_share"][column] * max(noted["rise"], 0.0):
            self._memory.open.close(column)
            return self._say(FindingPhase.CLOSE, column, day, block, noted)
        excess = self._excess(column, day)
        noted["size"] = 0.5 * (noted["size"] + excess / 24)
        noted["peak"] = max(noted["peak"], noted["size"])
        noted["total"] += excess
        return self._say(FindingPhase.UPDATE, column, day, block, noted)

    def _expected(self, column: int, day: _Day) -> float:
        """Use of the whole room, kWh or m3 a day, if it stood among its peers as it usually does (or as they do)."""
        usual = float(day.usual.level[column])
        if not (day.is_known[column] and usual < np.log(self._set["extreme_ratio"][column])):
            usual = 0.0
        offset = float(day.offset[column])
        expected = np.exp(usual) * (float(day.peers[column]) + offset) - offset
        return max(0.0, float(expected)) * float(self._groups.beds[column])

    def _excess(self, column: int, day: _Day) -> float:
        return max(0.0, float(day.use[column] * self._groups.beds[column]) - self._expected(column, day))

    def _say(
        self, phase: FindingPhase, column: int, day: _Day, block: IntervalBlock, noted: dict[str, float]
    ) -> Finding:
        meter, is_load = self._meters[column], "load" in noted
        observed = _known(day.use[column] * self._groups.beds[column] / 24)
        expected = max(0.0, observed - noted["size"]) if is_load else self._expected(column, day) / 24
        return Finding(
            phase=phase,
            rule=self.rule,
            subject=meter.id,
            node=meter.node or "",
            category=Category.CONSUMPTION,
            medium=meter.medium,
            severity=Severity.WARNING,
            at=block.judged_at[-1],
            onset=to_time(int(noted["onset"])),
            observed=observed,
            expected=expected,
            unit="kW" if meter.medium == ELECTRICITY else "m3/h",
            size=noted["size"],
            uncertainty=(0.1 * noted["size"]) if is_load else _known(day.usual.scatter[column]) * expected,
            total=noted["total"],
            evidence=self._evidence(column, day, noted),
        )

    def _evidence(self, column: int, day: _Day, noted: dict[str, float]) -> dict[str, float | int | None]:
        rise = day.standing[column] / np.exp(day.usual.level[column])
        evidence: dict[str, float | int | None] = {
            "times_peers": _known(day.standing[column]),
            "times_usual": float(rise) if day.is_known[column] and not np.isnan(rise) else None,
            "peers": int(self._groups.counts(~np.isnan(day.use))[column]),
            "beds": float(self._groups.beds[column]),
            "days_learned": int(self._memory.standing.count()[column]),
            "since_day": int(to_int(to_time(int(noted["onset"]))) // _DAY_MS),
        }
        if "load" in noted:
            load = self._memory.standing_load
            evidence |= {
                "standing_load_kw": noted["load"],
                "usual_load_kw": float(load.usual[column]),
                "peers_load_kw": _known(load.peers[column]),
            }
        return evidence
