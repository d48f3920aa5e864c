"""The real `aquavolt collect` on a broker and an InfluxDB, watched from outside through its own files.

What it pushes to `watch` is taken by a stand-in that unpacks it and forgets it: the collector does all of its work, and
no second service competes for the processors with what is measured.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil

from aquavolt.pushing.wire import Welcome, decode_push, to_json
from bench.broker_queue import topic
from bench.fresh_influx import BUCKET
from deploy.services.influxd import Access
from metering.batch import ReadingBatch

SITE, NAME = "bench", "main"
CLIENT_ID = f"aquavolt-{SITE}-{NAME}"
_TOKEN = "bench"  # noqa: S105
_LOOK_S = 0.02


class WatchStandIn(ThreadingHTTPServer):
    """Answers as `aquavolt watch` does; `readings` counts what was pushed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.readings = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """For collectors."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WatchStandIn

    def do_PUT(self) -> None:
        self._body()
        self._answer(Welcome(0))

    def do_POST(self) -> None:
        push = decode_push(self._body())
        self.server.readings += sum(len(entry) for entry in push.entries if isinstance(entry, ReadingBatch))
        self._answer(Welcome(max(push.header.seqs, default=push.header.from_seq - 1) + 1))

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, welcome: Welcome) -> None:
        body = to_json(welcome)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def until(
    is_so: Callable[[], bool], what: str, process: psutil.Popen, longest_s: float = 120.0, look_s: float = _LOOK_S
) -> None:
    """Wait for it, looking every `look_s`.

    Raises:
        TimeoutError: it did not come.
        RuntimeError: the process has ended.
    """
    deadline = time.monotonic() + longest_s
    while not is_so():
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode}, waiting for: {what}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {longest_s:.0f} s: {what}")
        time.sleep(look_s)


class Collect:
    """A running collector."""

    def __init__(self, folder: Path, process: psutil.Popen, watch: WatchStandIn) -> None:
        self.process, self.watch = process, watch
        self.log = folder / "collect.log"
        self._own = folder / "data" / "collect" / NAME

    def journaled(self) -> tuple[int, int]:
        """(last sequence, readings up to it)."""
        return next(iter(self._rows("journal.db", "SELECT seq, upto FROM edge WHERE name = 'head'")), (0, 0))

    def arrivals(self, after: int) -> list[tuple[int, int, int]]:
        """(sequence, Unix ms of the append, readings) of the entries beyond a sequence that are still there."""
        return list(self._rows("journal.db", "SELECT seq, at_ms, rows FROM entry WHERE seq > ? ORDER BY seq", after))

    def positions(self) -> dict[str, int]:
        """How far each of the sink's cursors has come in the store."""
        return dict(self._rows("influx.db", "SELECT cursor, position FROM positions"))

    def _rows(self, name: str, query: str, *given: int) -> Iterator[tuple]:
        path = self._own / name
        if not path.exists():
            return
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as file:
            try:
                yield from file.execute(query, given).fetchall()
            except sqlite3.OperationalError:  # not laid out yet
                return


def _site_text(port: int, meters: int) -> str:
    lines = [f"site: {{id: {SITE}, name: Bench, timezone: Asia/Shanghai}}", "meters:"]
    where = f"mqtt://127.0.0.1:{port}"
    lines += [
        f"  - {{id: meter-{i}, medium: water, profile: json-plain, connection: '{where}/{topic(i)}', poll_s: 60}}"
        for i in range(meters)
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def running_collect(folder: Path, broker_port: int, influx: Access, meters: int) -> Iterator[Collect]:
    """`aquavolt collect` on these, its log in `collect.log`."""
    site = folder / "site.yaml"
    site.write_text(_site_text(broker_port, meters), encoding="utf-8")
    watch = WatchStandIn()
    variables = {
        "AQUAVOLT_INFLUX_URL": influx.url, "AQUAVOLT_INFLUX_TOKEN": influx.token, "AQUAVOLT_INFLUX_ORG": influx.org,
        "AQUAVOLT_INFLUX_BUCKET": BUCKET, "AQUAVOLT_WATCH_URL": watch.url, "AQUAVOLT_WATCH_TOKEN": _TOKEN,
    }  # fmt: skip
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AQUAVOLT_")}
    command = [sys.executable, "-c", "from aquavolt.cli import main; main()", "collect"]
    with (folder / "collect.log").open("wb") as log:
        process = psutil.Popen(
            [*command, "--site", str(site), "--data", str(folder / "data"), "--name", NAME],
            cwd=folder, env=clean | variables, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield Collect(folder, process, watch)
    except BaseException:
        sys.stderr.write((folder / "collect.log").read_text(encoding="utf-8")[-3000:])
        raise
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)
        watch.shutdown()
        watch.server_close()
