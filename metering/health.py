"""How collecting goes: per meter, per connection and in all. Values only; each counter only grows within a run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class MeterHealth:
    """One meter's counts. `expected` are due readings, `received` arrived ones, `stored` those the store confirmed.

    raw                        registers, frame or message of the last value, as read; shortened
    quantity, value, quality   the last value of the quantity that stands for the meter, in our unit; bits of Quality
    next_poll                  when it is asked next; None for a meter that sends by itself
    """

    meter: str
    connection: str = ""
    expected: int = 0
    received: int = 0
    stored: int = 0
    skipped: int = 0
    errors: int = 0
    last_error: str = ""
    last_reading: np.datetime64 | None = None
    breaker: str = "closed"  # closed, open, probing
    raw: str = ""
    quantity: str = ""
    value: float | None = None
    quality: int = 0
    next_poll: np.datetime64 | None = None


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """One line, gateway or broker."""

    connection: str
    state: str  # connected, connecting, waiting, failed, held (until somebody mends what is told)
    meters: int = 0
    requests: int = 0
    errors: int = 0
    reconnects: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class JournalHealth:
    """The journal's depth. `lag` is entries behind the head, by reader; `dropped` by reason.

    `free_bytes` is what its volume has left; None where that is not known.
    """

    entries: int = 0
    bytes: int = 0
    oldest: np.datetime64 | None = None
    lag: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All of it, at one moment. `set_aside` names what was refused and why, e.g. a malformed MQTT message."""

    time: np.datetime64
    meters: tuple[MeterHealth, ...] = ()
    connections: tuple[ConnectionHealth, ...] = ()
    journal: JournalHealth = field(default_factory=JournalHealth)
    set_aside: dict[str, int] = field(default_factory=dict)
