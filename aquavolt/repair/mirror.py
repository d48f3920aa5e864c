"""The thread that keeps both sides alike: the orders' history becomes messages, messages go out, photos come in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from alerts.database import Database
from alerts.messages import MessageWriter
from alerts.platform.desk import PlatformDesk
from alerts.platform.document import DocumentWriter
from alerts.platform.feed import PlatformFeed
from alerts.platform.inbox import Inbox
from alerts.platform.photos import PhotoTaker, WantedPhotos
from alerts.platform.queue import PlatformAnswer, PlatformQueue
from alerts.platform.values import PLATFORM, Direction, Sent
from alerts.platform.wire import Wire
from alerts.playbook import Playbook
from alerts.sender import ChannelStatus, LaneSettings, Sender
from alerts.values import Clock, utc_now
from aquavolt.repair.client import PlatformClient
from aquavolt.repair.photo_fetch import PhotoFetch
from aquavolt.repair.settings import RepairPlatformSettings
from aquavolt.worker import Worker
from metering.site import Site

_IDLE_S = 0.5


@dataclass(frozen=True, slots=True)
class PlatformGround:
    """What the platform's parts stand on. `page_base`: where people reach the pages."""

    settings: RepairPlatformSettings
    site: Callable[[], Site]
    database: Database
    page_base: str
    playbook: Playbook
    clock: Clock = utc_now


def inbox_of(ground: PlatformGround) -> Inbox | None:
    """None: the platform says nothing."""
    if ground.settings.direction is Direction.OUT:
        return None
    taker = PhotoTaker(frozenset(ground.settings.photos_from))
    return Inbox(ground.database, ground.settings.receive, lambda: ground.site().zone, taker, ground.clock)


def feed_of(ground: PlatformGround, inbox: Inbox | None) -> PlatformFeed:
    """Follows the history also where the platform is told nothing: what it closed is settled by the meters' word."""
    told = ground.settings.send.events if ground.settings.direction is not Direction.IN else ()
    messages = MessageWriter(ground.site, ground.page_base, ground.clock, ground.playbook)
    writer = DocumentWriter(ground.site, ground.page_base, messages)
    return PlatformFeed(ground.database, writer, frozenset(told), None if inbox is None else inbox.settle, ground.clock)


def desk_of(ground: PlatformGround, wake: Callable[[], None] = lambda: None) -> PlatformDesk:
    """For the pages: in a program that sends nothing itself, too."""
    inbox = inbox_of(ground)
    return PlatformDesk(ground.database, inbox, feed_of(ground, inbox), wake, ground.clock)


class Mirror:
    """`start` to `stop`, then `close`. `wake` once something was written."""

    def __init__(self, ground: PlatformGround, lanes: LaneSettings | None = None) -> None:
        self.ground = ground
        self._inbox = inbox_of(ground)
        self._feed = feed_of(ground, self._inbox)
        self._client = PlatformClient(
            ground.settings, Wire(ground.settings.send, ground.site), ground.database, ground.clock
        )
        lanes = lanes or LaneSettings(clock=ground.clock, per_minute=_limit(ground.settings))
        self._sender: Sender[Sent, PlatformAnswer] = Sender(
            PLATFORM, PlatformQueue(ground.database), self._client.send, lanes
        )
        self._photos = PhotoFetch(ground.settings, WantedPhotos(ground.database), ground.clock)
        self._wake = threading.Event()
        self.desk = desk_of(ground, self.wake)
        self._has_begun = False
        self.worker = Worker(PLATFORM, self._turn)

    @property
    def status(self) -> ChannelStatus:
        """How sending goes."""
        return self._sender.status

    def start(self) -> None:
        """Start the thread."""
        self.worker.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._wake.set()
        self.worker.stop()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
        self._photos.close()

    def wake(self) -> None:
        """Something was written. Thread-safe, returns at once."""
        self._wake.set()

    def step(self) -> bool:
        """One piece of work; whether there may be more at once."""
        if not self._has_begun:
            self._feed.begin()
            self._has_begun = True
        has_fed = self._feed.turn()
        has_sent = self._sender.step()
        if has_sent and self._inbox is not None:
            self._inbox.place_waiting()
        has_fetched = self._photos.step()
        return has_fed or has_sent or has_fetched

    def _turn(self) -> None:
        self._wake.clear()
        if not self.step() and not self.worker.is_stopping:
            self._wake.wait(_IDLE_S)


def _limit(settings: RepairPlatformSettings) -> dict[str, int]:
    return {} if settings.per_minute is None else {PLATFORM: settings.per_minute}
