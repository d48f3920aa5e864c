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
    count of every block are even.

    Raises:
        ValueError: one point alone does not fit the limits.
    """
    blocks: list[Block] = []
    for point in sorted(points, key=lambda p: (p.function, p.address)):
        if blocks and (joined := _join(blocks[-1], point, limits)):
            blocks[-1] = joined
        elif alone := _span(point.function, point.address, point.end, (point,), limits):
            blocks.append(alone)
        else:
            raise ValueError(f"{point.quantity} at {point.address} cannot be read within the profile's limits")
    return tuple(blocks)


def _join(block: Block, point: ModbusPoint, limits: Limits) -> Block | None:
    """The block that holds the point too, or None where it must begin a new one."""
    last = max(p.end for p in block.points)
    if block.function != point.function or point.address - last > limits.max_gap:
        return None
    first = block.points[0].address
    return _span(block.function, first, max(last, point.end), (*block.points, point), limits)


def _span(function: int, first: int, end: int, points: tuple[ModbusPoint, ...], limits: Limits) -> Block | None:
    if limits.even_start:
        first -= first % 2
        end += end % 2
    is_banned = any(b.function == function and first <= b.last and b.first < end for b in limits.forbidden)
    if is_banned or end - first > limits.max_registers or end > _ADDRESSES:
        return None
    return Block(function, first, end - first, points)
