"""A collector's journal to `watch`: in order, at least once, for ever; `watch` takes each entry once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from aquavolt.pushing.link import Link, LinkError
from aquavolt.pushing.wire import Hello, PushHeader, Welcome
from aquavolt.worker import Worker
from collector.journal import Journal
from metering.health import HealthReport

CURSOR = "stream"
HEARTBEAT_S = 5.0
_PUSH_BYTES = 4 << 20
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_LOOK_S = 0.5
_DRAIN_S = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PusherParts:
    """What a pusher works with.

    hello    who this collector is, and which meters it is told to read
    stored   up to where the journal's readings are in the store
    health   how collecting goes; sent with every heartbeat
    refused  hears, on the pusher's thread, which meters this collector must not read
    told     hears how the line is: state and error, as `Counts.connection` has them
    draw     numbers in [0, 1): jitter, so that many collectors do not come back at once
    """

    name: str
    journal: Journal
    link: Link
    hello: Callable[[], Hello]
    stored: Callable[[], int]
    health: Callable[[], HealthReport]
    refused: Callable[[Mapping[str, str]], None]
    told: Callable[[str, str], None]
    monotonic: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random


class Pusher:
    """The thread that pushes."""

    def __init__(self, parts: PusherParts) -> None:
        self._parts = parts
        self._position = parts.journal.cursor(CURSOR)
        self._is_welcome = False
        self._refused: Mapping[str, str] | None = None
        self._failures = 0
        self._said = ""
        self._beat_at = parts.monotonic()
        self.worker = Worker("push", self.turn)

    @property
    def position(self) -> int:
        """The sequence up to which `watch` has journaled everything."""
        return self._position

    @property
    def is_welcome(self) -> bool:
        """Whether `watch` has answered, and not failed since."""
        return self._is_welcome

    def turn(self) -> None:
        """Push what there is, say hello where need be, or wait for more."""
        try:
            self._turn()
        except LinkError as error:
            self._failed(error)
        else:
            self._failures = 0

    def _turn(self) -> None:
        if not self._is_welcome:
            self._welcomed(self._parts.link.hello(self._parts.name, self._parts.hello()))
            self._is_welcome = True
            self._tell("connected", "")
        has_more = self._parts.journal.wait_beyond(self._position, _LOOK_S)
        if has_more or self._parts.monotonic() >= self._beat_at:
            self.push()

    def push(self) -> None:
        """One push, empty if nothing is new.

        Raises:
            LinkError: it did not get through.
        """
        parts = self._parts
        rows = parts.journal.read(self._position, _PUSH_BYTES)
        is_beat = parts.monotonic() >= self._beat_at
        header = PushHeader(
            parts.name,
            parts.journal.epoch,
            self._position + 1,
            tuple(seq for seq, _ in rows),
            parts.stored(),
            parts.health() if is_beat else None,
        )
        self._welcomed(parts.link.push(header, [entry for _, entry in rows]))
        if is_beat:
            self._beat_at = parts.monotonic() + HEARTBEAT_S

    def _welcomed(self, welcome: Welcome) -> None:
        journal = self._parts.journal
        if welcome.next:
            # It may be behind (its journal was lost) or ahead (ours was): what it wants next is what it gets.
            journal.skip_to(welcome.next - 1)
            self._position = welcome.next - 1
            journal.set_cursor(CURSOR, self._position)
        if welcome.refused != self._refused:
            self._refused = welcome.refused
            self._parts.refused(welcome.refused)

    def _failed(self, error: LinkError) -> None:
        self._is_welcome = self._is_welcome and not error.is_stranger
        self._failures += 1
        if error.is_stranger and self._failures == 1:
            return  # it was started anew: a hello, and on
        self._tell("waiting", str(error))
        doubled = min(_FIRST_WAIT_S * 2 ** min(self._failures - 1, 10), _LONGEST_WAIT_S)
        self.worker.pause(max(error.retry_after_s, doubled * (0.5 + self._parts.draw())))

    def _tell(self, state: str, error: str) -> None:
        self._parts.told(state, error)
        if error == self._said:
            return
        self._said = error  # logged once when it breaks, once when it is back
        if error:
            _log.warning("nothing can be pushed; it is kept", watch=self._parts.link.where, error=error)
        else:
            _log.info("pushing", watch=self._parts.link.where, after=self._position)

    def drain(self) -> None:
        """At the end of a program: push what is left, as far as it goes through at once."""
        until = self._parts.monotonic() + _DRAIN_S
        try:
            while self._is_welcome and self._parts.monotonic() < until:
                if self._position >= self._parts.journal.head():
                    return
                self.push()
        except LinkError:
            return  # it stays in the journal for the next start
