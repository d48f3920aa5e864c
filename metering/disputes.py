"""Readings that contradict each other: two values of one time, and a clock that goes back while the register rises."""

from __future__ import annotations

import numpy as np

from metering.batch import Mask
from metering.channels import ChannelTable
from metering.plausible import limit
from metering.register_event import RegisterEvent, RegisterEventKind
from metering.steps import Float64, Int64, Rows


def in_arrival(rows: Rows, table: ChannelTable) -> list[RegisterEvent]:
    """Clocks that go back, among rows by channel in the order of their arrival."""
    first, second = _neighbours(rows)
    return _events(RegisterEventKind.CLOCK_BACK, first, second, _goes_back(first, second, table), table)


def in_time(rows: Rows, table: ChannelTable) -> list[RegisterEvent]:
    """Values that differ, among rows by channel and time."""
    first, second = _neighbours(rows)
    return _events(RegisterEventKind.CONFLICT, first, second, _differs(first, second, table), table)


def with_accepted(late: Rows, table: ChannelTable) -> list[RegisterEvent]:
    """Both, of rows that are no newer than the last accepted reading of their channel."""
    state, channel = table.state, late.channel
    accepted = Rows(channel, state["last_time"][channel], state["last_raw"][channel], late.flags)
    return [
        *_events(RegisterEventKind.CLOCK_BACK, accepted, late, _goes_back(accepted, late, table), table),
        *_events(RegisterEventKind.CONFLICT, accepted, late, _differs(accepted, late, table), table),
    ]


def _neighbours(rows: Rows) -> tuple[Rows, Rows]:
    """Each row but the last, and the one after it."""
    numbers = np.arange(len(rows))
    return rows.take(numbers[:-1]), rows.take(numbers[1:])


def _goes_back(first: Rows, second: Rows, table: ChannelTable) -> Mask:
    """Where the second is dated before the first, but has counted more: by so little that it is no other life."""
    channel, distance = first.channel, first.time - second.time
    most = _limit(channel, distance, table)
    rise = second.value - first.value
    is_back = (distance > 0) & (rise > table.fixed["jitter"][channel]) & (rise <= most)
    return np.asarray(is_back & (second.channel == channel) & ~table.is_rate[channel], bool)


def _limit(channel: Int64, distance: Int64, table: ChannelTable) -> Float64:
    state = table.state
    return limit(table, channel, distance, state["seen_rate"][channel], state["accepted"][channel])


def _differs(first: Rows, second: Rows, table: ChannelTable) -> Mask:
    channel = first.channel
    is_same = (second.channel == channel) & (second.time == first.time)
    differs = np.abs(second.value - first.value) > table.fixed["jitter"][channel]
    return np.asarray(is_same & differs & ~table.is_rate[channel], bool)


def _events(
    kind: RegisterEventKind, first: Rows, second: Rows, where: Mask, table: ChannelTable
) -> list[RegisterEvent]:
    """One event a pair."""
    at = np.flatnonzero(where)
    channel, state = first.channel[at], table.state
    time = np.sort([first.time[at], second.time[at]], axis=0).astype("datetime64[ms]")
    return [
        RegisterEvent(kind, table.ids[meter], quantity, since, until, before, after)
        for meter, quantity, since, until, before, after in zip(
            state["meter"][channel].tolist(),
            state["quantity"][channel].tolist(),
            *time,
            first.value[at].tolist(),
            second.value[at].tolist(),
            strict=True,
        )
    ]
