"""What the tests of alerts share: records on a fresh database, a clock that is set, incidents by a few words."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts.records import Records
from alerts.values import NotifyPolicy
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity

sys.path.insert(0, str(Path(__file__).parent))

START = np.datetime64("2026-11-20T00:00:00", "ms")


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class RulesVoice:
    """What the rules say, by a few words: a leak in a dormitory, with whatever a test wants otherwise."""

    start = START

    @staticmethod
    def incident(name: str = "leak-1", **changed: Any) -> Incident:
        whole = Incident(
            id=name,
            rule="minimum_night_flow",
            category=Category.LEAK,
            medium="water",
            subject="W-D2-MAIN",
            node="dorm-2",
            severity=Severity.WARNING,
            detected_at=START,
            onset_at=START - np.timedelta64(26, "h"),
            closed_at=None,
            observed=0.61,
            expected=0.19,
            unit="m3/h",
            loss_rate=0.42,
            loss_total=31.2,
            evidence={"place_reason": "the floors' own meters show nothing of it"},
            rules_revision="r1",
        )
        return replace(whole, **changed)

    def change(self, kind: ChangeKind, name: str = "leak-1", *, hours: float = 0.0, **changed: Any) -> IncidentChange:
        """A change of an incident, so many hours after the start."""
        at = START + np.timedelta64(int(hours * 3600), "s")
        return IncidentChange(kind, self.incident(name, **changed), at)

    def raised(self, name: str = "leak-1", **changed: Any) -> IncidentChange:
        return self.change(ChangeKind.RAISED, name, **changed)

    def cleared(self, name: str = "leak-1", *, hours: float = 5.0, **changed: Any) -> IncidentChange:
        end = START + np.timedelta64(int(hours * 3600), "s")
        return self.change(ChangeKind.CLEARED, name, hours=hours, **{"closed_at": end, **changed})


@pytest.fixture
def rules() -> RulesVoice:
    return RulesVoice()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def url(records_url: str) -> str:
    return records_url


@pytest.fixture
def open_records(url: str, clock: SetClock) -> Iterator[Callable[..., Records]]:
    """Opens the same database as often as a test likes, as programs that follow each other do."""
    opened: list[Records] = []

    def open_again(*channels: str, **policy: Any) -> Records:
        records = Records(url, clock=clock, policy=NotifyPolicy(channels=channels or ("hook",), **policy))
        records.migrate()
        opened.append(records)
        return records

    yield open_again
    for records in opened:
        records.close()


@pytest.fixture
def records(open_records: Callable[..., Records]) -> Records:
    return open_records()


class Certificate:
    """A certificate for 127.0.0.1 made for these tests, valid to 2126; nobody trusts it who is not told to."""

    def __init__(self) -> None:
        folder = Path(__file__).parent / "tls"
        self.file = folder / "certificate.pem"
        self.server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_context.load_cert_chain(self.file, folder / "key.pem")


@pytest.fixture
def certificate() -> Certificate:
    return Certificate()


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that nobody else gets while the test runs, and nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
