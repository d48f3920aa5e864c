"""AquaVolt and the platform simulator, a process of its own, on real sockets: what the tests of both sides share."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from alerts.backoff import Backoff
from alerts.models import AlertRow
from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.playbook import shipped_playbook
from alerts.records import Records
from alerts.sender import LaneSettings
from alerts.values import Actor, utc_now
from api.platform.parts import RepairPlatform
from aquavolt.repair.mirror import Mirror, PlatformGround
from aquavolt.repair.parts import platform_parts
from aquavolt.repair.settings import RepairPlatformSettings

SECRET = "a-secret-of-the-test-alone"  # noqa: S105 - of the test alone
OFFICE = Person(Actor("office", "test"), manages=True)
FAST = LaneSettings(backoff=Backoff(first_s=0.01, most_s=0.02))


class Simulator:
    """`python -m simulators.repair_platform`."""

    def __init__(self, to: str = "") -> None:
        arguments = [sys.executable, "-m", "simulators.repair_platform", "--secret", SECRET, "--to", to]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.url = str(json.loads(self.process.stdout.readline())["url"])
        self.base = self.url.removesuffix("/hooks/orders")

    def orders(self) -> list[dict[str, Any]]:
        return self.state()["orders"]

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.base}/orders", timeout=20).json()
        return found

    def faults(self, **faults: Any) -> None:
        httpx.post(f"{self.base}/faults", json=faults, timeout=20).raise_for_status()

    def act(self, number: str, event: str, **said: Any) -> dict[str, Any]:
        answer = httpx.post(f"{self.base}/orders/{number}/{event}", json=said, timeout=30)
        return dict(answer.raise_for_status().json())

    def misdeed(self, number: str, kind: str) -> list[int]:
        answer = httpx.post(f"{self.base}/misdeeds/{number}", json={"kind": kind}, timeout=30)
        return list(answer.raise_for_status().json()["answered"])

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def settings_of(url: str, **more: Any) -> RepairPlatformSettings:
    given = {"url": url, "secret": SECRET, "allow_networks": ["127.0.0.0/8"], "timeout_s": 5}
    return RepairPlatformSettings.model_validate(given | more)


def ground_of(records: Records, site: Any, settings: RepairPlatformSettings) -> PlatformGround:
    return PlatformGround(
        settings, lambda: site, records.database, "http://127.0.0.1:8000", shipped_playbook(), utc_now
    )


def platform_of(records: Records, site: Any, **settings: Any) -> RepairPlatform:
    """One that nothing is sent to."""
    return platform_parts(ground_of(records, site, settings_of("http://127.0.0.1:9/nowhere", **settings)))


def meters_agree(records: Records, alert: str) -> None:
    """The alert is over, as the rules would write it."""
    with records.database.writing() as session:
        row = session.get_one(AlertRow, alert)
        row.is_active, row.closed_ms = False, row.detected_ms + 1
    records.look_after()


@dataclass
class Mirrored:
    """Both sides."""

    records: Records
    orders: Orders
    mirror: Mirror
    simulator: Simulator
    served: Any
    address: str

    def open(self, **new: Any) -> int:
        return self.orders.open(OFFICE, NewOrder(**new)).id

    def work(self) -> None:
        """All that is to do now."""
        while self.mirror.step():
            pass

    def work_until(self, is_so: Callable[[], bool], within_s: float = 30.0) -> None:
        deadline = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < deadline, self.mirror.status
            if not self.mirror.step():
                time.sleep(0.005)  # the back-off of the test is as short

    def number(self, order_id: int) -> str:
        link = self.mirror.desk.link(order_id)
        return "" if link is None else link.number


@contextlib.contextmanager
def mirrored(records: Records, make: Any, listen: Any, **settings: Any) -> Iterator[Mirrored]:
    """An application that is listened to, the simulator that speaks to it, and the mirror, worked by hand."""
    with contextlib.ExitStack() as stack:
        site = make().parts.site()
        served = make(repair_platform=platform_of(records, site, **settings))
        address = listen(served.app)
        simulator = Simulator(f"{address}/api/v1/platform/events")
        stack.callback(simulator.close)
        ground = ground_of(records, site, settings_of(simulator.url, **settings))
        mirror = Mirror(ground, FAST)
        stack.callback(mirror.close)
        mirror.step()
        orders = Orders(records.database, lambda: site)
        yield Mirrored(records, orders, mirror, simulator, served, address)
