"""What a parent's balance says of a child that stands still: at rest, or not counting what flows through it.

    missing  = sum over the standstill of (parents - children), less what usually does not arrive: a constant (drips,
               a tap without a meter; told by the nights) and a share of the inflow (gain errors)
    expected = the child's usual share of the inflow of that time

A frozen child: about the expected is missing. A child at rest (an empty floor): nothing is. Far more is missing
than the child would ever take: a leak, and no word on the child.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from metering.site import Meter
from rules.blocks import STEPS_PER_HOUR, IntervalBlock
from rules.detectors.day_log import DayLog, median, spread
from rules.detectors.zones import Indices, Zones

_DAYS = 14  # usable days from which the balance is learned
_SHARE_DAYS = 7  # days from which a child's share is learned: a new season is followed within a week
_LEAST_DAYS = 5
_NIGHT_ENDS = 6 * 60  # local minute
_LEAST, _MOST = 0.5, 2.0  # times the expected that a frozen child's missing flow lies between
_AT_REST = 0.25  # times the expected: less is missing than a child that counts nothing would hide
_EACH_PART = 3 * STEPS_PER_HOUR  # steps of night and of day that must be known
_NIGHT_SHARE = 0.5  # of the day's rate that the night's may be
_SIGMAS = 4.0
_PULSES = 5.0  # of parent and children: what registers' steps may feign
_GAIN = 0.005  # of the inflow: how far gains differ with the flow


@dataclass
class ChildBalance:
    """By child of the zones, in the order of `ChildJudge.columns`; sums in m3 or kWh.

    missing, inflow, steps   since the child stands still, (night, rest) x children: what did not arrive, what flowed
                             in, and for how long
    day_*        of the day that runs, (night, rest) x zones: residual, inflow and known steps; `day_use` by child
    residual, flow, known    days kept, the same by night and rest (2 * zones)
    use, flow_of             days kept on which the child counted: its use, and its zone's inflow
    """

    missing: Float64
    inflow: Float64
    steps: Float64
    day_residual: Float64
    day_inflow: Float64
    day_known: Float64
    day_use: Float64
    residual: DayLog
    flow: DayLog
    known: DayLog
    use: DayLog
    flow_of: DayLog

    @classmethod
    def of(cls, zones: int, children: int) -> ChildBalance:
        """Nothing known."""
        return cls(
            np.zeros((2, children)),
            np.zeros((2, children)),
            np.zeros((2, children)),
            np.zeros((2, zones)),
            np.zeros((2, zones)),
            np.zeros((2, zones)),
            np.zeros(children),
            DayLog.of(_DAYS, 2 * zones),
            DayLog.of(_DAYS, 2 * zones),
            DayLog.of(_DAYS, 2 * zones),
            DayLog.of(_SHARE_DAYS, children),
            DayLog.of(_SHARE_DAYS, children),
        )


class ChildJudge:
    """Judges the children of all zones; `columns` are theirs, one entry for each child and zone."""

    def __init__(self, zones: Zones, meters: Sequence[Meter]) -> None:
        self._zones = zones
        self.columns: npt.NDArray[np.intp] = np.array([c for kids in zones.children for c in kids], np.intp)
        self._zone = np.repeat(np.arange(len(zones)), [len(kids) for kids in zones.children]).astype(np.intp)
        pulse = np.array([m.resolution or 0.0 for m in meters])[None, :]
        self._pulses = _PULSES * (zones.inflow(pulse) + zones.largest_outflow(pulse))[0]

    def memory(self) -> ChildBalance:
        """An empty one."""
        return ChildBalance.of(len(self._zones), len(self.columns))

    def take_in(self, memory: ChildBalance, block: IntervalBlock, counts: Mask) -> None:
        """Steps of use, and (steps x columns) whether a register moved."""
        inflows, outflows = self._zones.inflow(block.usage), self._zones.outflow(block.usage)
        known = ~np.isnan(inflows + outflows)
        residuals, inflows = np.where(known, inflows - outflows, 0.0), np.where(known, inflows, 0.0)
        stands = ~counts[:, self.columns]
        own = np.where(known[:, self._zone], np.nan_to_num(block.usage[:, self.columns]), 0.0)
        still = np.flatnonzero(stands.any(axis=0))
        sums = [figure[:, still] for figure in (memory.missing, memory.inflow, memory.steps)]
        adds = [figure[:, self._zone[still]] for figure in (residuals, inflows, known)]
        moves = counts[:, self.columns[still]]
        for row, part in enumerate((block.local_minute >= _NIGHT_ENDS).astype(int).tolist()):
            # step by step: the sums must not depend on the cut
            memory.day_residual[part] += residuals[row]
            memory.day_inflow[part] += inflows[row]
            memory.day_known[part] += known[row]
            memory.day_use += own[row]
            for figure, more in zip(sums, adds, strict=True):
                figure[part] += more[row]
                figure[:, moves[row]] = 0.0
        for name, figure in zip(("missing", "inflow", "steps"), sums, strict=True):
            whole = np.zeros_like(memory.missing)
            whole[:, still] = figure
            setattr(memory, name, whole)

    def end_day(self, memory: ChildBalance, usable: Mask) -> None:
        """Learn from the day that ended: the balance where no member of the zone (`usable` by column) is in doubt."""
        sound = ~self._zones.any_member(~usable) & (memory.day_known > 0).all(axis=0)
        memory.residual.keep(memory.day_residual.ravel(), np.tile(sound, 2))
        memory.flow.keep(memory.day_inflow.ravel(), np.tile(sound, 2))
        memory.known.keep(memory.day_known.ravel(), np.tile(sound, 2))
        inflow = memory.day_inflow.sum(axis=0)[self._zone]
        counted = (memory.day_use > 0) & (inflow > 0)
        memory.use.keep(memory.day_use, counted)
        memory.flow_of.keep(inflow, counted)
        for name in ("day_residual", "day_inflow", "day_known", "day_use"):
            setattr(memory, name, np.zeros_like(getattr(memory, name)))

    def verdict(self, memory: ChildBalance, asked: Mask) -> tuple[Mask, Mask, Mask]:
        """By child: its flow is missing (it is frozen); none is (it is at rest); the balance above is known at all.

        Said of the children `asked` about and their siblings; of others nothing is said (False).
        """
        zones = np.flatnonzero(np.bincount(self._zone[asked], minlength=len(self._zones)))
        rows = np.flatnonzero(np.isin(self._zone, zones))
        said = np.zeros((3, len(self._zone)), bool)
        if len(rows):
            said[:, rows] = self._verdict(memory, zones, rows, np.searchsorted(zones, self._zone[rows]))
        return said[0], said[1], said[2]

    def _verdict(self, memory: ChildBalance, zones: Indices, rows: Indices, zone: Indices) -> tuple[Mask, Mask, Mask]:
        """The verdict on all children (`rows`) of these zones; `zone` by child its place among them."""
        constant, share, off = self._usual(memory, zones)
        use, flow = (np.nansum(log.values[:, rows], axis=0) for log in (memory.use, memory.flow_of))
        steps_by_part, inflow_by_part = memory.steps[:, rows], memory.inflow[:, rows]
        by_part = memory.missing[:, rows] - share[zone] * inflow_by_part - constant[zone] * steps_by_part
        missing, inflow, steps = by_part.sum(axis=0), inflow_by_part.sum(axis=0), steps_by_part.sum(axis=0)
        expected = use / np.maximum(flow, 1e-12) * inflow
        days = steps / (24 * STEPS_PER_HOUR)
        noise = _SIGMAS * np.hypot(off[zone] * np.sqrt(days), _GAIN * inflow) + self._pulses[zones][zone]
        enough = memory.residual.count()[zones] >= _LEAST_DAYS
        is_known = enough[zone] & ~np.isnan(noise) & (memory.use.count()[rows] > 0)
        frozen = (missing >= np.maximum(_LEAST * expected, noise)) & (missing <= _MOST * expected)
        frozen &= _expected_of_others(np.where(steps > 0, expected, 0.0), zone) <= 0.5 * missing
        # A leak runs by night as by day; what people draw does not.
        by_night, by_day = by_part / np.maximum(steps_by_part, 1.0)
        frozen &= (steps_by_part >= _EACH_PART).all(axis=0) & (by_night <= _NIGHT_SHARE * by_day)
        at_rest = (missing + noise <= (_AT_REST + _LEAST) * expected) & (missing <= _AT_REST * expected)
        return is_known & frozen, is_known & at_rest, is_known

    def _usual(self, memory: ChildBalance, zones: Indices) -> tuple[Float64, Float64, Float64]:
        """By zone what usually does not arrive: a constant (a step), a share of the inflow, and a day's sigma."""
        shape = (_DAYS, 2, len(self._zones))
        logs = (memory.residual, memory.flow, memory.known)
        residual, flow, known = (log.values.reshape(shape)[:, :, zones] for log in logs)
        (lost_n, lost_d), (in_n, in_d), (t_n, t_d) = (np.nansum(v, axis=0) for v in (residual, flow, known))
        across = in_d * t_n - in_n * t_d
        share = np.where(across > 0, (lost_d * t_n - lost_n * t_d) / np.where(across > 0, across, 1.0), 0.0)
        constant = (lost_n - share * in_n) / np.maximum(t_n, 1.0)
        error = (residual - share * flow - constant * known).sum(axis=1)
        return constant, share, spread(error, median(error))


def _expected_of_others(expected: Float64, zone: Indices) -> Float64:
    """By child: what its siblings that stand still too would have taken meanwhile."""
    return np.asarray(np.bincount(zone, expected)[zone] - expected, np.float64)
