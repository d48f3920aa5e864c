"""A pipe breaks on the simulated campus, and the whole program tells people: what a test of that story needs.

The meters and the receivers of every channel live in this process on real sockets; the program is a child that may
die and come back while the story goes on.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from served import wait_for

import aquavolt
from alerts.duty_desk.entries import FORMS, DutyEntries, EntryKind
from alerts.records import Records
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.users import users_of
from alerts.values import Actor
from bench.harness.feed import write_feed
from bench.harness.steered_clock import SteeredClock
from bench.harness.story_campus import StoryCampus
from simulators.mailbox import Mailbox
from simulators.receiver import Receiver
from simulators.robots import Services

PROGRAM = Path(__file__).with_name("story_program.py")
ROOT = Path(aquavolt.__file__).parents[1]
BEGAN = datetime.fromisoformat("2026-11-10T10:00:05+08:00")  # a Tuesday in term, with weeks of term before it
STEP = timedelta(minutes=7.5)  # of the clock: a quarter of an hour has a reading in its midst
KEY, SECRET, TOKEN = "0a1b2c", "SECsecret", "reads-what-the-test-asks"
CHANNELS = ("wecom", "dingtalk", "feishu", "e-mail", "sms", "webhook")
MOBILE = "13800138000"
BURST_DEADLINE, TO_MANAGER, TO_HEAD, REPEAT = (timedelta(minutes=m) for m in (15, 22.5, 37.5, 60))
CHIEF = Actor("chief", "test")
PATIENCE_S = 60.0
# What many read, a robot's chat, leads to the page, for which one signs in.
ROBOTS = ("wecom", "dingtalk", "feishu")
_LINK = re.compile(r"http://127\.0\.0\.1:\d+(/(?:go/([\w-]+)|alerts/\w+))")


@dataclass(frozen=True)
class Heard:
    """A message that a receiver got, with its link's path, and by a signed link the notification's id; else empty."""

    channel: str
    id: str
    link: str
    text: str


class Story:
    """Everything, from the meters to the receivers. `language` is the one that the maintainer reads.

    settings  more of them, beside those of the story
    """

    def __init__(
        self, folder: Path, opened: ExitStack, language: str = "zh-CN", settings: dict[str, Any] | None = None
    ) -> None:
        self.folder = folder
        self._more_settings = settings or {}
        self.clock = SteeredClock(folder / "clock")
        self.clock.set(BEGAN)
        self.campus = StoryCampus(1, self.clock)
        self.receiver = Receiver(keep=10_000, services=Services(time.time, key=KEY, secret=SECRET, per_minute=1000))
        self.mailbox = Mailbox()
        for part in (self.campus, self.receiver, self.mailbox):
            part.start()
            opened.callback(part.stop)
        self.listening = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.page = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self._write_files()
        self.passwords = self._set_people(language)
        self.deaths: list[str] = []
        self._plan: list[str] = []
        self._stopping, self._is_ready = threading.Event(), threading.Event()
        self.failed = ""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._keeper = threading.Thread(target=self._keep_running, name="keeper", daemon=True)
        opened.callback(self.stop)

    # -- before it begins ---------------------------------------------------------------------------------

    def _write_files(self) -> None:
        write_feed(self.folder / "feed", self.campus.history())
        documents = {"site.yaml": self.campus.site_document(), "aquavolt.yaml": self._settings()}
        for name, document in documents.items():
            text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
            (self.folder / name).write_text(text, encoding="utf-8")

    def _settings(self) -> dict[str, Any]:
        base, own = f"http://127.0.0.1:{self.receiver.port}", {"allow_networks": ["127.0.0.0/8"]}
        mail = {
            "host": "127.0.0.1", "port": self.mailbox.port, "security": "none", "sender": "desk@example.edu",
            "recipients": ["all@example.edu"],
        }  # fmt: skip
        gateway = {"mobile": "{address}", "content": "{text}", "apikey": KEY}
        channels = [
            {"kind": "wecom", "url": f"{base}/cgi-bin/webhook/send?key={KEY}", **own},
            {"kind": "dingtalk", "url": f"{base}/robot/send?access_token={KEY}", "secret": SECRET, **own},
            {"kind": "feishu", "url": f"{base}/open-apis/bot/v2/hook/{KEY}", "secret": SECRET, **own},
            {"kind": "e-mail", **mail},
            {"kind": "sms", "url": f"{base}/sms/send", "fields": gateway, "taken": ["code", ["0"]], **own},
            {"kind": "webhook", "url": f"{base}/hook", **own},
        ]
        return {
            "site": str(self.folder / "site.yaml"), "data": str(self.folder / "data"), "public_url": self.page,
            "token": TOKEN, "channels": channels, **self._more_settings,
        }  # fmt: skip

    def _set_people(self, language: str) -> dict[str, str]:
        """Who has which duty, how they are reached, what goes to whom; the first passwords."""
        (self.folder / "data").mkdir()
        records = Records(f"sqlite:///{self.folder / 'data' / 'records.db'}", clock=self.clock.utc)
        records.migrate()
        entries = DutyEntries(records.database, self.clock.utc)

        def put(kind: EntryKind, name: str, **document: Any) -> None:
            entries.put(kind, name, FORMS[kind].model_validate(document), CHIEF)

        addresses = {"e-mail": "li@example.edu", "wecom": MOBILE, "dingtalk": MOBILE, "sms": MOBILE}
        put(EntryKind.CONTACT, "li", language=language,
            addresses=[{"channel": c, "address": addresses.get(c, "")} for c in CHANNELS])  # fmt: skip
        put(EntryKind.CONTACT, "wang", addresses=[{"channel": "webhook", "address": "wang"}])
        put(EntryKind.CONTACT, "sun", addresses=[{"channel": "e-mail", "address": "sun@example.edu"}])
        for role, person in (("maintainer", "li"), ("zone_manager", "wang"), ("head_of_logistics", "sun")):
            put(EntryKind.DUTY, role, role=role, shifts=[{"people": [person]}], fallback=person)
        put(EntryKind.ROUTE, "bursts", match={"burst": True}, targets=["role:maintainer"], repeat_s=REPEAT.seconds,
            tell_cleared=True, steps=[
                {"after_s": TO_MANAGER.seconds, "targets": ["role:zone_manager"]},
                {"after_s": TO_HEAD.seconds, "targets": ["role:head_of_logistics"]},
            ])  # fmt: skip
        accounts = users_of(records.database, self.clock.utc).accounts
        passwords = {
            "li": accounts.add("li", Role.MAINTAINER, ["teaching", "canteen"], CHIEF),
            "chief": accounts.add("chief", Role.ENERGY_MANAGER, [WHOLE_SITE], CHIEF),
        }
        records.close()
        return passwords

    def add_person(self, name: str, role: Role, *nodes: str) -> str:
        """One more account; its first password."""
        records = Records(f"sqlite:///{self.folder / 'data' / 'records.db'}")
        given = users_of(records.database, self.clock.utc).accounts.add(name, role, nodes or (WHOLE_SITE,), CHIEF)
        records.close()
        return given

    def silence(self, node: str, time: timedelta) -> None:
        """Somebody sets a silence that begins now."""
        now, records = self.clock.utc(), Records(f"sqlite:///{self.folder / 'data' / 'records.db'}")
        entry = {"match": {"nodes": [node]}, "start": now, "end": now + time, "reason": "work at the main"}
        form = FORMS[EntryKind.SILENCE].model_validate(entry)
        DutyEntries(records.database, self.clock.utc).put(EntryKind.SILENCE, f"at-{node}", form, CHIEF)
        records.close()

    # -- the program --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the program; whenever it is killed it is started again."""
        self._keeper.start()
        self.wait(self._is_ready.is_set)

    def die_at(self, *points: str) -> None:
        """It is killed now, and each time that it comes to the next of these points."""
        assert not self._plan, f"it did not come to {self._plan}"
        self._plan = list(points)
        self.kill()

    def wait_for_deaths(self) -> None:
        """Until it has come to all of them."""
        with suppress(AssertionError):
            self.wait(lambda: not self._plan)
        assert not self._plan, f"it did not come to {self._plan}\n{self.log()}"

    def kill(self) -> None:
        """From outside, whatever it is at."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def _keep_running(self) -> None:
        while not self._stopping.is_set():
            point = self._plan[0] if self._plan else ""
            with self._lock:
                self._process = self._spawn(point)
            self._follow(self._process)
            if self._stopping.is_set():
                return
            if self._process.returncode != -signal.SIGKILL:
                self.failed = f"the program ended with {self._process.returncode}\n{self.log()}"
                return
            self.deaths.append(point or "killed")
            if point:
                self._plan.pop(0)

    def _spawn(self, point: str) -> subprocess.Popen[str]:
        fd = self.listening.fileno()
        given = json.dumps({"folder": str(self.folder), "socket": fd, "point": point})
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        with (self.folder / "stderr").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, str(PROGRAM), given], env=os.environ | {"PYTHONPATH": paths}, pass_fds=[fd],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if line.strip() == "ready":
                    self._is_ready.set()
        process.wait()

    def stop(self) -> None:
        """End it in order."""
        self._stopping.set()
        if self._keeper.ident is None:
            return
        with self._lock:
            process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
        self._keeper.join(30)
        self.kill()

    def log(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")[-4000:]

    def wait(self, is_so: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        """Raises: AssertionError when it is not so in time, or the program is at an end."""

        def look() -> bool:
            assert not self.failed, self.failed
            return is_so()

        try:
            wait_for(look, within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from error

    # -- what happens -------------------------------------------------------------------------------------

    def pass_time(self, time: timedelta = STEP) -> None:
        """The clock goes on by steps; after each, every meter has been read and that is judged."""
        for _ in range(round(time / STEP)):
            self.clock.forward(STEP.seconds)
            since = self.clock.utc()
            self.wait(lambda since=since: self._is_judged(since))

    def pass_until(self, is_so: Callable[[], Any], within: timedelta = timedelta(hours=3)) -> None:
        """Time goes by until it is so; looked at for a moment after each step, for threads to do what is due."""
        for _ in range(round(within / STEP)):
            self.pass_time()
            with suppress(AssertionError):
                self.wait(lambda: bool(is_so()), 1.0)
                return
        raise AssertionError(f"not so within {within}\n{self.log()}")

    def _is_judged(self, since: datetime) -> bool:
        health = self.get("/api/v1/health/collector")
        read = [m["last_reading"] for m in health["meters"]]
        has_read = len(read) == len(self.campus.meters) and all(r and datetime.fromisoformat(r) >= since for r in read)
        return has_read and not health["journal"]["lag"]["stream"]

    def get(self, path: str) -> Any:
        """As JSON, once the program is there to answer."""
        return self.ask("GET", path).json()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Its answer, of success. Asked again while the program is away."""
        deadline = time.monotonic() + PATIENCE_S
        headers = {"Authorization": f"Bearer {TOKEN}"} | more.pop("headers", {})
        while True:
            assert not self.failed, self.failed
            try:
                answer = httpx.request(
                    method, f"{self.page}{path}", headers=headers, trust_env=False, timeout=20, **more
                )
            except httpx.TransportError:
                assert time.monotonic() < deadline, self.log()
                continue
            assert answer.is_success or answer.is_redirect, answer.text
            return answer

    def alerts(self) -> list[dict[str, Any]]:
        """All but the inhibited ones."""
        items: list[dict[str, Any]] = self.get("/api/v1/alerts?limit=500")["items"]
        return items

    def only_alert(self) -> dict[str, Any]:
        """The one there is."""
        found = self.alerts()
        assert len(found) == 1, [{k: a[k] for k in ("rule", "node", "state", "raised_at")} for a in found]
        return found[0]

    # -- what people hear ---------------------------------------------------------------------------------

    def heard(self) -> list[Heard]:
        """Every message that came, repeats too."""
        return list(self._heard())

    def _heard(self) -> Iterator[Heard]:
        for message in reversed(self.receiver.inbox.document()["messages"]):
            body = message["body"]
            text = body["text"] if "service" in body else json.dumps(body, ensure_ascii=False)
            for _ in range(1 + message["repeats"]):
                yield _heard_of(body.get("service", "webhook"), text)
        for _, mail in self.mailbox.mails:
            yield _heard_of("e-mail", f"{mail['Subject']}\n{mail.get_content()}")

    def rows(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        """Of the records."""
        with closing(sqlite3.connect(f"file:{self.folder / 'data' / 'records.db'}?mode=ro", uri=True)) as records:
            return records.execute(query, given).fetchall()

    def told(self) -> Counter[tuple[str, str, str]]:
        """(person, channel, why): how many messages were delivered, by the records."""
        query = "SELECT receiver, channel, reason FROM outbox WHERE state = 'delivered'"
        return Counter((r.partition(":")[2], c, why) for r, c, why in self.rows(query))

    def told_at(self, person: str, reason: str = "%") -> datetime:
        """When the first message to that person, for that reason, was written."""
        query = "SELECT min(created_ms) FROM outbox WHERE receiver = ? AND reason LIKE ?"
        return _moment(self.rows(query, f"person:{person}", reason)[0][0])

    def id_told(self, person: str) -> str:
        """The only notification to that person."""
        ((notification,),) = self.rows("SELECT id FROM outbox WHERE receiver = ?", f"person:{person}")
        return str(notification)

    def due_at(self) -> datetime:
        """The deadline of the only alert."""
        ((due_ms,),) = self.rows("SELECT due_ms FROM alerts WHERE inhibited_by IS NULL")
        return _moment(due_ms)

    def audit(self) -> list[str]:
        """What happened to alerts, in order; without new figures."""
        return [action for (action,) in self.rows("SELECT action FROM audit WHERE action != 'updated' ORDER BY id")]


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _heard_of(channel: str, text: str) -> Heard:
    found = _LINK.search(text)
    assert found is not None, text
    assert (found[2] is None) == (channel in ROBOTS), text
    signed = found[2] or ""
    raw = base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4))
    return Heard(channel, raw[1:17].hex(), found[1], text)


@contextmanager
def playing(folder: Path, language: str = "zh-CN", settings: dict[str, Any] | None = None) -> Iterator[Story]:
    """A story whose program runs."""
    with ExitStack() as opened:
        story = Story(folder, opened, language, settings)
        story.start()
        yield story
