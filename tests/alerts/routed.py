"""What tests of routing share: a campus, a clock, records that are routed, and turns of the dispatcher."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from alerts.due import DueNotifications
from alerts.duty_desk.book_source import BookSource, Surroundings
from alerts.duty_desk.entries import FORMS, DutyEntries, EntryKind
from alerts.lane import Lane, LaneSettings
from alerts.notify.dispatch import Dispatcher
from alerts.notify.letters import LetterWriter
from alerts.records import Records
from alerts.users.passwords import CHEAP
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.users import users_of
from alerts.users.values import AccountState
from alerts.values import Actor, Delivery, NotifyPolicy
from metering.site import Node, Site

ADMIN = Actor("admin", "test")
NODES = [
    Node("campus", "campus", name="主校区"),
    Node("north", "zone", "campus", name="北区"),
    Node("south", "zone", "campus", name="南区"),
    Node("dorm-1", "building", "north", name="梅园1号楼"),
    Node("dorm-2", "building", "north", name="梅园2号楼"),
    Node("dorm-2-f3", "floor", "dorm-2", name="3层"),
    Node("dorm-2-301", "room", "dorm-2-f3", name="301室"),
    Node("library", "building", "south", name="图书馆"),
    *(Node(f"b{i}", "building", "south", name=f"南{i}号楼") for i in range(200)),
]
SITE = Site("s", "S", "Asia/Shanghai", {n.id: n for n in NODES}, {})
HOLIDAYS = {date(2026, 11, 25)}


def kind_of_day(day: date) -> str:
    """Weekends by the week, one holiday on a Wednesday."""
    if day in HOLIDAYS:
        return "holiday"
    return "weekend" if day.weekday() >= 5 else "workday"


def local(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment on Shanghai's clock, in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=SITE.zone).astimezone(UTC)


class Desk:
    """Routed records with their dispatcher, on a clock that is set."""

    def __init__(self, url: str, clock: Any, channels: tuple[str, ...] = ("team",), site: Site = SITE) -> None:
        self.clock = clock
        self.records = Records(url, clock=clock, policy=NotifyPolicy(is_routed=True))
        self.records.migrate()
        self.users = users_of(self.records.database, clock, CHEAP)
        self.entries = DutyEntries(self.records.database, clock)
        self.around = Surroundings(lambda: site, kind_of_day, channels)
        self.books = BookSource(self.around)
        self.letters = LetterWriter(lambda: site, "https://m.example.edu", clock)
        self.seq = self.records.applied_seq()
        self.restart()

    def restart(self) -> None:
        """As a program that was killed comes back: nothing but the records is kept."""
        self.dispatcher = Dispatcher(self.records.database, self.books, self.clock)

    def set(self, kind: str, entry_id: str, /, **document: Any) -> None:
        content = FORMS[EntryKind(kind)].model_validate(document)
        self.entries.put(EntryKind(kind), entry_id, content, ADMIN)

    def contact(self, person: str, channel: str = "team", address: str = "", **more: Any) -> None:
        self.set("contact", person, addresses=[{"channel": channel, "address": address or f"{person}@x"}], **more)

    def join(self, person: str) -> None:
        """The person has an account."""
        self.users.accounts.add(person, Role.MAINTAINER, (WHOLE_SITE,), ADMIN)

    def leave(self, person: str, heir: str | None = None) -> None:
        """And has none any more."""
        self.users.leaving.leave(person, AccountState.DELETED, ADMIN, heir=heir)

    def lose(self, person: str) -> None:
        """A person whose account is deleted."""
        self.join(person)
        self.leave(person)

    def apply(self, *changes: Any) -> None:
        self.seq += 1
        self.records.apply(changes, self.seq)

    def run_for(self, seconds: float) -> list[Delivery]:
        """Take the turns that fall due within so many seconds; the new notifications, oldest first."""
        known = {d.id for d in self.deliveries()}
        end = self.clock().timestamp() + seconds
        while True:
            turn = self.dispatcher.turn()
            at = max(turn.next_at.timestamp(), self.clock().timestamp())
            if at > end:
                break
            self.clock.forward(max(0.001, at - self.clock().timestamp()))
        self.clock.forward(max(0.0, end - self.clock().timestamp()))
        self.dispatcher.turn()
        return [d for d in self.deliveries() if d.id not in known]

    def deliveries(self) -> list[Delivery]:
        return list(reversed(self.records.recent_deliveries(100_000)))

    def lane(self, channel: Any, **settings: Any) -> Lane:
        lane_settings = LaneSettings(clock=self.clock, draw=lambda: 1.0, **settings)
        return Lane(channel, DueNotifications(self.records.database), self.letters, lane_settings)

    def told_of(self, delivery: Delivery) -> list[str]:
        """Ids of the alerts that a notification tells of."""
        return sorted(
            a.id for a in self.records.find_alerts(limit=500).items
            if delivery.id in {d.id for d in self.records.deliveries_of(a.id)}
        )  # fmt: skip

    def close(self) -> None:
        self.records.close()
