"""From a route's targets to those who are told: people by their duties, channels, and who takes a hole's place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alerts.routing.book import Book
from alerts.routing.routes import EVERY_CHANNEL
from alerts.values import Alert


class Why(StrEnum):
    """Why somebody is told."""

    ON_DUTY = "on_duty"
    STANDS_IN = "stands_in"
    HOLE = "hole"  # the fallback of a duty that nobody has now
    NAMED = "named"
    CHANNEL = "channel"
    UNREACHABLE = "unreachable"  # a channel in the place of a person who cannot be reached
    NOBODY = "nobody"  # every channel, because no target of the route led to anybody


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told (`person:li` or `channel:team`) and why; `about` is the duty, person or target that led there."""

    key: str
    why: Why
    about: str = ""

    @property
    def person(self) -> str | None:
        """The person, None for a channel."""
        kind, _, name = self.key.partition(":")
        return name if kind == "person" else None


def receivers_of(
    targets: tuple[str, ...], alert: Alert, moment: datetime, book: Book, *, must_reach: bool = True
) -> tuple[Receiver, ...]:
    """Everybody whom the targets lead to, each once.

    must_reach  where nobody is found, every channel is told; an escalation step without anybody is left out
    """
    found: dict[str, Receiver] = {}
    for target in targets:
        for receiver in _asked(target, alert, moment, book):
            for there in _reached(receiver, alert, book):
                found.setdefault(there.key, there)
    if not found and must_reach:
        return tuple(_channels(Why.NOBODY, ", ".join(targets), book))
    return tuple(found.values())


def _asked(target: str, alert: Alert, moment: datetime, book: Book) -> Iterator[Receiver]:
    kind, _, name = target.partition(":")
    if target == EVERY_CHANNEL:
        yield from _channels(Why.CHANNEL, "", book)
    elif kind == "role":
        for duty in duties_near(name, alert.node, book):
            yield from _having(duty, moment, book)
    else:
        yield Receiver(target, Why.NAMED if kind == "person" else Why.CHANNEL)


def duties_near(role: str, node: str, book: Book) -> tuple[str, ...]:
    """The duties of that role whose places lie nearest above the node; those of the whole site are the farthest."""
    path = book.path(node)
    near: dict[int, list[str]] = {}
    for duty_id, duty in book.roster.duties.items():
        if duty.role != role:
            continue
        depths = [path.index(n) + 1 for n in duty.nodes if n in path] if duty.nodes else [0]
        if depths:
            near.setdefault(max(depths), []).append(duty_id)
    return tuple(near[max(near)]) if near else ()


def _having(duty_id: str, moment: datetime, book: Book) -> Iterator[Receiver]:
    """Who has the duty, or who takes the place of nobody."""
    there = book.roster.on_duty(duty_id, moment, book.local)
    for person in there:
        why = Why.ON_DUTY if person.instead_of is None else Why.STANDS_IN
        yield Receiver(f"person:{person.person}", why, duty_id)
    if not there:
        yield Receiver(f"person:{book.roster.duties[duty_id].fallback}", Why.HOLE, duty_id)


def _reached(receiver: Receiver, alert: Alert, book: Book) -> Iterator[Receiver]:
    """The receiver, or every channel where it cannot be reached."""
    kind, _, name = receiver.key.partition(":")
    can = name in book.channels if kind == "channel" else bool(book.addresses(name, alert.severity))
    if can:
        yield receiver
    else:
        yield from in_place_of(receiver, book)


def in_place_of(receiver: Receiver, book: Book) -> Iterator[Receiver]:
    """Who is told in the place of a receiver that cannot be reached: every channel."""
    return _channels(Why.UNREACHABLE, receiver.key, book)


def _channels(why: Why, about: str, book: Book) -> Iterator[Receiver]:
    for channel in book.channels:
        yield Receiver(f"channel:{channel}", why, about)
