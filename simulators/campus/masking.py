"""Which faults may be there together: never two that no meter could tell apart.

1. One meter has one fault, one place has one fault of a category: a frozen meter shows no leak behind it.
2. Two flows of one medium never lie in one building: the meters above see only their sum. The main between the inlet
   and the buildings counts as a building of its own.
3. No data fault at a meter that bounds the balance in which a flow runs away: the meter right above that flow and all
   that this meter feeds, of the same medium. Their difference is the only sign of a leak between them. A register
   that was reset or replaced counts truly again afterwards: it blocks the balance for three days.
4. A register freezes only where it would have moved (`FaultMaker.is_used`): one that nobody uses looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from simulators.campus.fault_flows import flow_meter
from simulators.campus.faults import KINDS, LASTING, Fault
from simulators.campus.layout import Layout

_SPOILS = timedelta(days=3)


def conflict(fault: Fault, others: Iterable[Fault], layout: Layout) -> str | None:
    """Why this fault must not happen beside the others; None if it may."""
    for other in others:
        if fault.overlaps(other) and (reason := _conflict(fault, other, layout)):
            return f"{fault.kind} at {fault.node} and {other.kind} at {other.node}: {reason}"
    return None


def _conflict(one: Fault, other: Fault, layout: Layout) -> str | None:
    own, others = _meter(one, layout), _meter(other, layout)
    if (one.node, one.category) == (other.node, other.category):
        return "one meter can show only one of them"
    if not (_changes_readings(one) and _changes_readings(other)):
        return None
    if own == others:
        return "one meter can show only one of them"
    one_flows, other_flows = KINDS[one.kind].is_flow, KINDS[other.kind].is_flow
    if one_flows and other_flows and layout.meters[own].medium == layout.meters[others].medium:
        same_building = layout.building_of(one.node) == layout.building_of(other.node)
        return "the meters above see only their sum" if same_building else None
    if one_flows == other_flows:
        return None
    flow, false = (own, others) if one_flows else (others, own)
    if layout.parent_index[false] == flow and _is_false_during(*((other, one) if one_flows else (one, other))):
        return "the false meter bounds the balance in which the flow runs away"
    return None


def _changes_readings(fault: Fault) -> bool:
    """Whether registers tell of it, rightly or wrongly: not of a meter's word, nor of a low voltage."""
    return not KINDS[fault.kind].word and fault.kind != "voltage_low"


def _is_false_during(false: Fault, flow: Fault) -> bool:
    """Whether the meter's fault still spoils a balance while the flow runs."""
    if false.kind not in LASTING:
        return True
    return replace(false, end=false.start + _SPOILS).overlaps(flow)


def _meter(fault: Fault, layout: Layout) -> int:
    return flow_meter(fault, layout) if fault.meter is None else layout.meter_index[fault.meter]
