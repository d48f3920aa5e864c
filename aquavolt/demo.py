"""`aquavolt demo`: a simulated campus on real sockets, 35 days of history, and the program that watches it.

The campus's servers, the broker and the receiver of notifications are child processes; they end with this one. The
data folder keeps the campus (`truth.json`), so a second start, also after a day off, goes on with the same meters; and
the demo's rules (`rules.yaml`), which a user may change there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path

import numpy as np
import yaml
from pydantic import SecretStr

from alerts.words import Language
from api.parts import Access
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings
from aquavolt.child import Child
from aquavolt.clock import utc_ms
from aquavolt.config.documents import load_playbook, load_rules, load_site
from aquavolt.config.settings import Settings
from aquavolt.demo_office import DemoOffice
from aquavolt.program import Program, Setup
from aquavolt.stores.lock import DataLock
from metering.batch import Quality, ReadingBatch
from metering.entries import Entry, Tick
from simulators.campus.campus import campus_of_truth
from simulators.campus.site_file import RULES

History = Callable[[str, int, int], None]
"""Told how the history comes along: what is done, how much of it, out of how much."""

HISTORY_DAYS = 35
_STEP = np.timedelta64(15, "m")
_STORE_MB = 64  # one campus of a few dozen meters, which shall run beside others on a machine of 512 MB
_FLOW = 400  # entries that the history may be ahead of the rules: more would only fill the journal
_LOOK_S = 0.05


class Demo:
    """The demo's children and its setup; `close` ends them."""

    def __init__(
        self,
        settings: Settings,
        seed: int,
        now: Callable[[], np.datetime64] = utc_ms,
        *,
        mqtt_port: int | None = None,
        is_open: bool = True,
    ) -> None:
        """Start the children. `now` is how far the history goes; the meters themselves live in the real present.

        With `mqtt_port` a broker that runs there on 127.0.0.1 is used in place of one of the demo's own. `is_open`:
        whoever comes is the demo administrator, without password; else there are accounts, as everywhere.

        Raises:
            ChildError: one of them did not start.
            ConfigError: the rules cannot be used.
            DataInUseError: another program has the data folder.
        """
        self._closing, self._is_open = ExitStack(), is_open
        data = settings.data
        self.truth, site_file = data / "truth.json", data / "site.yaml"
        with DataLock(data):  # another program's folder is left as it is: its children have written there
            (data / "log").mkdir(exist_ok=True)
        with ExitStack() as started:
            self.receiver_url = self._start(started, data, seed, mqtt_port, site_file)
            self.setup = self._setup(settings, site_file, now, is_open=is_open)
            self._closing = started.pop_all()

    def _start(self, started: ExitStack, data: Path, seed: int, mqtt_port: int | None, site_file: Path) -> str:
        """Start the children; where the receiver listens."""
        broker = None
        if mqtt_port is None:
            broker = self._child(started, data, "simulators.mqtt.broker", ["--port", "0"])
        receiver = self._child(started, data, "simulators.receiver", ["--port", "0"])
        broker_port = mqtt_port if broker is None else broker.ready()["port"]
        campus = self._child(
            started, data, "simulators.campus.serve",
            ["--seed", str(seed), "--days", str(HISTORY_DAYS), "--truth", str(self.truth),
             "--mqtt-port", str(broker_port), "--site-out", str(site_file)],
        )  # fmt: skip
        url = str(receiver.ready()["url"])
        campus.ready(60)
        return url

    def _setup(self, settings: Settings, site_file: Path, now: Callable[[], np.datetime64], *, is_open: bool) -> Setup:
        site, _ = load_site(site_file)
        rules = settings.rules or demo_rules(settings.data)
        webhook = WebhookSettings(
            name="demo",
            url=SecretStr(self.receiver_url),
            language=Language.ZH_CN,
            allow_networks=(IPv4Network("127.0.0.0/8"),),
        )
        return Setup(
            settings.model_copy(update={"site": site_file, "rules": rules, "store_memory_mb": _STORE_MB}),
            site,
            load_rules(rules, site),
            load_playbook(settings.playbook),
            access=Access(demo=True) if is_open else None,
            channels=(WebhookChannel(webhook),),
            is_history=is_simulated,
            now=now,
        )

    @staticmethod
    def _child(started: ExitStack, data: Path, module: str, arguments: list[str]) -> Child:
        child = Child(module, arguments, data / "log" / f"{module}.log")
        started.callback(child.stop)
        return child

    def close(self) -> None:
        """End the children."""
        self._closing.close()

    def prologue(self, tell: History) -> Callable[[Program], Awaitable[None]]:
        """The part of `Program.run` that brings the history in, and in an open demo what its people did then."""

        async def run(program: Program) -> None:
            await asyncio.get_running_loop().run_in_executor(None, self._bring_in, program, tell)
            if self._is_open:
                await asyncio.get_running_loop().run_in_executor(None, self._people_come, program)

        return run

    def _bring_in(self, program: Program, tell: History) -> None:
        """History from where the data end up to now, through the same journal and rules as everything else."""
        campus = campus_of_truth(json.loads(self.truth.read_text(encoding="utf-8")))
        start, now = newest_reading(program), program.setup.now()
        start = campus.start if start is None else start + np.timedelta64(1, "ms")
        total = int((now - start) / _STEP)
        if total > 0:
            for entry in campus.entries(start, now):
                self._wait(program)
                program.journal.append([entry])
                if isinstance(entry, ReadingBatch):
                    done = int((entry.time.max() - start) / _STEP)
                    program.detail = f"{done} / {total}"
                    tell("history", done, total)
        # What is simulated in leaves no gap, so the tick says nothing of a time when we were down.
        program.journal.append([Tick(now)])
        tell("history", total, total)

    @staticmethod
    def _people_come(program: Program) -> None:
        """What people did about the history, once that is judged."""
        worker, setup = program.judge.worker, program.setup
        while program.judge.position < program.journal.head():
            worker.pause(_LOOK_S)
            if worker.is_stopping:
                raise asyncio.CancelledError
        DemoOffice(program.records, program.site, setup.playbook, setup.clock()).fill()

    @staticmethod
    def _wait(program: Program) -> None:
        """Let the others keep up; end where the program does."""
        worker = program.judge.worker
        while program.journal.head() - min(program.judge.position, program.sink.position) > _FLOW:
            worker.pause(_LOOK_S)
            if worker.is_stopping:
                break
        if worker.is_stopping:
            raise asyncio.CancelledError


def demo_rules(data: Path) -> Path:
    """The demo's own rules file in its data folder, written where there is none."""
    path = data / "rules.yaml"
    if not path.exists():
        path.write_text(yaml.safe_dump(RULES, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def newest_reading(program: Program) -> np.datetime64 | None:
    """The time of the newest reading taken: still in the journal, or in the store."""
    times = []
    after = program.sink.position
    while rows := program.journal.read(after):
        times += [entry.time.max() for _, entry in rows if isinstance(entry, ReadingBatch) and len(entry)]
        after = rows[-1][0]
    # Last, so that what moves from the one to the other meanwhile is seen here or there.
    stored = program.store.latest()
    if len(stored):
        times.append(stored.time.max())
    return max(times) if times else None


def is_simulated(entry: Entry) -> bool:
    """Whether the entry is history: what is read from sockets does not say that it is simulated.

    What meters said stands before the readings of its time, and is judged with them.
    """
    return isinstance(entry, ReadingBatch) and len(entry) > 0 and bool(entry.quality[0] & Quality.SIMULATED)
