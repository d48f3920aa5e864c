"""Which registers to ask for together: as few requests as the meter's limits allow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from device_profiles.schema import Limits, ModbusPoint

_ADDRESSES = 0x10000


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers of `function` from the wire address on, and the points that lie in them."""

    function: int
    address: int
    count: int
    points: tuple[ModbusPoint, ...]

    @property
    def end(self) -> int:
        """The address after the last register."""
        return self.address + self.count


def plan_blocks(points: Sequence[ModbusPoint], limits: Limits) -> tuple[Block, ...]:
    """Blocks in order of address. No value is split, no forbidden address read, no block longer than allowed.

    Two points share a block when at most `max_gap` unused registers lie between them; with `even_start`, start and
    count of every block are even. A point and its scale-factor register are always read together; so are points
    that share registers. With `one_value` nothing else is.

    Raises:
        ValueError: one point alone, or with its scale factor, does not fit the limits.
    """
    blocks: list[Block] = []
    for group in _inseparable(points):
        first, end = min(p.address for p in group), max(p.end for p in group)
        if blocks and (joined := _join(blocks[-1], group, limits)):
            blocks[-1] = joined
        elif alone := _span(group[0].function, first, end, group, limits):
            blocks.append(alone)
        else:
            raise ValueError(f"{group[0].quantity} at {first} cannot be read within the profile's limits")
    return tuple(blocks)


def _inseparable(points: Sequence[ModbusPoint]) -> list[tuple[ModbusPoint, ...]]:
    """Groups of points that must come by one request, in order of address; most have one member."""
    groups: dict[str, list[ModbusPoint]] = {}
    for point in points:
        groups.setdefault(point.power_of_ten or point.quantity, []).append(point)
    ordered = sorted(groups.values(), key=lambda g: (g[0].function, min(p.address for p in g)))
    joined: list[list[ModbusPoint]] = []
    for group in ordered:
        last = joined[-1] if joined else None
        shares = last is not None and last[0].function == group[0].function
        if last is not None and shares and min(p.address for p in group) < max(p.end for p in last):
            last.extend(group)
        else:
            joined.append(group)
    return [tuple(sorted(g, key=lambda p: p.address)) for g in joined]


def _join(block: Block, group: tuple[ModbusPoint, ...], limits: Limits) -> Block | None:
    """The block that holds the group too, or None where it must begin a new one."""
    first, last = block.points[0].address, max(p.end for p in block.points)
    if block.function != group[0].function or group[0].address - last > limits.max_gap or limits.one_value:
        return None
    end = max(last, *(p.end for p in group))
    return _span(block.function, first, end, (*block.points, *group), limits)


def _span(function: int, first: int, end: int, points: tuple[ModbusPoint, ...], limits: Limits) -> Block | None:
    if limits.even_start:
        first -= first % 2
        end += end % 2
    is_banned = any(b.function == function and first <= b.last and b.first < end for b in limits.forbidden)
    if is_banned or end - first > limits.max_registers or end > _ADDRESSES:
        return None
    return Block(function, first, end - first, points)
