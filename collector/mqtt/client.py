"""Meters behind one MQTT broker: one thread that receives, decodes, commits and acknowledges in bursts.

    broker -> Session -> Burst (decode) -> journal.append -> acknowledge

A message is acknowledged only when the journal has it, so what a kill or a full disk keeps out of the journal
comes again: the broker holds it for our persistent session.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from collector.alarms import Alarms
from collector.counts import Counts
from collector.journal import JournalError
from collector.last_seen import message_raws
from collector.mqtt.burst import Burst
from collector.mqtt.frame import Publish
from collector.mqtt.routes import Route, Routes
from collector.mqtt.session import Session, SessionLostError
from collector.mqtt.settings import MqttSettings
from metering.entries import Entry, EventBatch

_log = structlog.get_logger(__name__)

_LOOK_S = 1.0  # how long to wait for messages before looking after other things
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_SILENCE_S, _SHORTEST_SILENCE_S, _SILENT_PERIODS = 900.0, 300.0, 3


class TakesEntries(Protocol):
    """What the source needs of the journal."""

    def append(self, entries: Sequence[Entry]) -> int:
        """Durable when it returns."""
        ...

    def is_accepting(self) -> bool:
        """Whether readings may be handed in."""
        ...


class _RefusedError(Exception):
    """The journal takes nothing now."""


class MqttSource:
    """Reads all meters of one broker for as long as it runs; reconnects for ever.

    routes     the meters' routes, at least one
    now_ms     Unix ms, the arrival time of messages that state none
    monotonic  seconds, for waits and the watch on silence
    draw       numbers in [0, 1): jitter, so that many collectors do not come back at once
    """

    def __init__(
        self,
        settings: MqttSettings,
        routes: Iterable[Route],
        journal: TakesEntries,
        counts: Counts,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settings, self._journal, self._counts = settings, journal, counts
        self._routes = Routes(routes)
        self._now_ms, self._monotonic, self._draw = now_ms, monotonic, draw
        self._name = settings.endpoint
        self._silence_s = settings.silence_s or _silence_of(self._routes.all)
        self._arrivals: dict[str, int] = {}
        self._alarms = Alarms()
        self._failures = 0
        self._told = ""
        self._was_connected = False
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name=f"mqtt {self._name}", daemon=True)
        for route in self._routes.all:
            counts.declare(route.meter, self._name, push_period_s=route.period_s)
        counts.connection(self._name, "connecting", meters=len({r.meter for r in self._routes.all}))

    def start(self) -> None:
        """Start the thread. Once."""
        self._thread.start()

    def stop(self, timeout_s: float = 15.0) -> None:
        """Finish the burst under way, say goodbye, end the thread. The broker keeps the session."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        os.write(self._wake_write, b"x")
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            os.close(self._wake_read)
            os.close(self._wake_write)

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            wait_s = 0.0
            try:
                self._serve()
            except _RefusedError as error:
                self._tell("waiting", str(error))
                wait_s = _LOOK_S
            except SessionLostError as error:
                wait_s = self._backoff()
                self._tell("waiting", str(error))
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the thread that reads these meters
                wait_s = self._backoff()
                self._tell("failed", f"{type(error).__name__}: {error}")
                _log.exception("mqtt source failed", broker=self._name)
            self._stopping.wait(wait_s)

    def _serve(self) -> None:
        """One session, until it is lost or the journal refuses."""
        self._check_journal()
        session = Session(self._settings, self._routes.filters)
        self._counts.connection(self._name, "connecting")
        session.connect()
        try:
            self._converse(session)
        finally:
            # Without this an unacknowledged burst would stay with the broker until its keep-alive runs out.
            with suppress(Exception):
                session.close()

    def _converse(self, session: Session) -> None:
        is_connected = False
        heard_at = self._monotonic()
        unsubscribed: set[str] = set()
        while not self._stopping.is_set():
            publishes = session.exchange(self._wake_read, _LOOK_S)
            if session.is_ready and not is_connected:
                is_connected = True
                self._welcome(session)
            if publishes:
                heard_at = self._monotonic()
                self._take(session, publishes, unsubscribed)
            elif self._monotonic() - heard_at > self._silence_s:
                raise SessionLostError(f"no message for {self._silence_s:.0f} s: connecting anew")

    def _take(self, session: Session, publishes: list[Publish], unsubscribed: set[str]) -> None:
        """A burst: decode, commit, acknowledge."""

        def on_unknown(topic: str) -> None:
            if topic not in unsubscribed:
                unsubscribed.add(topic)
                session.unsubscribe(topic)

        self._check_journal()
        burst = Burst(self._routes, self._counts, self._now_ms(), self._arrivals, on_unknown, self._alarms)
        burst.add_all(publishes)
        batch = burst.batch()
        entries: list[Entry] = [batch] if len(batch) else []
        if burst.events:
            entries.append(EventBatch(tuple(burst.events)))
        if entries:
            try:
                self._journal.append(entries)
            except JournalError as error:
                self._alarms.forget(e.meter for e in burst.events)
                raise _RefusedError(f"nothing is acknowledged: {error}") from error
        self._counts.received_batch(batch, burst.messages())
        self._counts.heard(message_raws(burst.payloads))
        self._counts.connection(self._name, "connected", requests=len(publishes))
        session.acknowledge(publishes)

    def _check_journal(self) -> None:
        if not self._journal.is_accepting():
            raise _RefusedError("nothing is acknowledged: the journal is at its free-disk floor")

    # -- telling -----------------------------------------------------------------------------------------

    def _welcome(self, session: Session) -> None:
        self._failures = 0
        self._told = ""
        refused = "; ".join(f"{topic}: {reason}" for topic, reason in session.refused.items())
        self._counts.connection(self._name, "connected", reconnects=int(self._was_connected), error=refused)
        self._was_connected = True
        _log.info("mqtt connected", broker=self._name, topics=len(self._routes.filters), refused=refused)
        for route in self._routes.all:
            if route.topic in session.refused:
                reason = session.refused[route.topic]
                self._counts.error(route.meter, f"the broker refuses topic {route.topic}: {reason}")

    def _tell(self, state: str, error: str) -> None:
        is_news = error != self._told  # logged once when it breaks, once (`_welcome`) when it is back
        self._told = error
        self._counts.connection(self._name, state, errors=int(is_news), error=error)
        if is_news:
            _log.warning("mqtt not connected", broker=self._name, error=error)

    def _backoff(self) -> float:
        """Seconds to wait: doubling, half to one and a half of it."""
        self._failures += 1
        doubled: float = _FIRST_WAIT_S * 2 ** min(self._failures - 1, 10)
        return min(doubled, _LONGEST_WAIT_S) * (0.5 + self._draw())


def _silence_of(routes: Sequence[Route]) -> float:
    periods = [route.period_s for route in routes if route.period_s]
    return max(_SHORTEST_SILENCE_S, _SILENT_PERIODS * min(periods)) if periods else _SILENCE_S
