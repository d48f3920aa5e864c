"""Serves every meter of a campus on real sockets, as a child process or by hand.

`python -m simulators.campus.serve --seed 1 --mqtt-port 1883 --site-out site.yaml` prints one JSON line when all
listens, `{"line_ports", "mqtt_port", "meters", "epoch"}`, and serves until SIGTERM, SIGINT or the end of its stdin.

A line of JSON on stdin is a request, answered by a line on stdout:
    {"inject": {"kind": "leak_toilet", "node": "dorm-2-f3"}}  ->  {"injected": {...the truth's entry...}}
    {"repair": "f03-leak_toilet"}                         ->  {"repaired": {...the truth's entry...}}
                                                              or  {"refused": "why"}
An account at the broker stands in the environment: MQTT_USERNAME, MQTT_PASSWORD.
With `--truth FILE` the campus is the one of that file, which is written if it is not there, and after each of these.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from metering.batch import to_ms
from simulators.campus.campus import Campus, build_campus, campus_of_truth, epoch_before
from simulators.campus.faults import Fault
from simulators.campus.lines import CampusLines
from simulators.campus.live import LiveCampus
from simulators.campus.radio_publisher import RadioPublisher
from simulators.campus.schedule import ROUND_DAYS
from simulators.campus.site_file import RADIO_PERIOD_S, Endpoints

_REFRESH_S = 1.0
_CONNECTING_S = 0.3


def _now() -> np.datetime64:
    return to_ms(datetime.now(UTC))


class CampusServer:
    """A campus on its sockets."""

    def __init__(self, campus: Campus, truth: Path | None = None) -> None:
        self.campus, self._truth = campus, truth
        self._live = LiveCampus(campus, _now)
        self._lines = CampusLines(self._live)

    async def run(self, mqtt_port: int, first_port: int, site_out: Path | None, stop: asyncio.Event) -> None:
        """Listen, write the site document, say so, serve until `stop` is set.

        Raises:
            OSError: a port is in use, or a file cannot be written.
        """
        ports = await self._lines.start(first_port)
        endpoints = Endpoints(ports, mqtt_port)
        if site_out is not None:
            _write(site_out, yaml.safe_dump(self.campus.site_document(endpoints), allow_unicode=True, sort_keys=False))
        publisher = RadioPublisher(self._live, mqtt_port, account=_account())
        publisher.start()
        try:
            _say(_ready(self.campus, endpoints))
            await asyncio.gather(self._refresh(stop), _publish(publisher, stop))
        finally:
            publisher.stop()
            await self._lines.stop()

    async def _refresh(self, stop: asyncio.Event) -> None:
        """Once a second the units that die or come back do so."""
        while not await _stopped_within(stop, _REFRESH_S):
            self._lines.refresh()

    def answer(self, request: str) -> dict[str, Any]:
        """What there is to say to a line from stdin."""
        try:
            done, fault = self._change(json.loads(request))
        except (KeyError, TypeError) as error:
            form = "{'inject': {'kind': ..., 'node': ...}} or {'repair': ID}"
            return {"refused": f"a request is like {form} ({error!r})"}
        except ValueError as error:
            return {"refused": str(error)}
        self._live.forget()
        self._lines.refresh()
        self.write_truth()
        return {done: fault.document()}

    def _change(self, request: dict[str, Any]) -> tuple[str, Fault]:
        now = datetime.now(UTC)
        if "repair" in request:
            return "repaired", self.campus.repair(request["repair"], now)
        wanted = request["inject"]
        return "injected", self.campus.inject(wanted["kind"], wanted["node"], now)

    def write_truth(self) -> None:
        """Write the truth file, if there is to be one."""
        if self._truth is not None:
            _write(self._truth, json.dumps(self.campus.truth(), ensure_ascii=False, indent=2) + "\n")


async def _publish(publisher: RadioPublisher, stop: asyncio.Event) -> None:
    while True:
        has_published = publisher.publish() > 0
        if await _stopped_within(stop, RADIO_PERIOD_S if has_published else _CONNECTING_S):
            return


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _ready(campus: Campus, endpoints: Endpoints) -> dict[str, Any]:
    return {
        "line_ports": list(endpoints.line_ports),
        "mqtt_port": endpoints.mqtt_port,
        "meters": len(campus.meters),
        "epoch": campus.epoch.isoformat(),
    }


def _say(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False), flush=True)  # noqa: T201 - this is how it speaks


def _write(path: Path, text: str) -> None:
    """All of the file or nothing of it, whenever somebody looks."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _account() -> tuple[str, str] | None:
    name = os.environ.get("MQTT_USERNAME")
    return (name, os.environ.get("MQTT_PASSWORD", "")) if name else None


class _Requests:
    """Lines of stdin; its end stops the server."""

    def __init__(self, server: CampusServer, stop: asyncio.Event) -> None:
        self._server, self._stop = server, stop
        self._rest = b""

    def read(self) -> None:
        """Take what there is."""
        got = os.read(sys.stdin.fileno(), 65_536)
        if not got:
            self._stop.set()
            return
        *lines, self._rest = (self._rest + got).split(b"\n")
        for line in filter(None, lines):
            _say(self._server.answer(line.decode(errors="replace")))


async def _serve(given: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = CampusServer(_campus(given), given.truth)
    if given.truth is not None and not given.truth.exists():
        server.write_truth()
    with contextlib.suppress(PermissionError):  # a stdin that is a file or /dev/null: nobody is there to leave
        loop.add_reader(sys.stdin.fileno(), _Requests(server, stop).read)
    await server.run(given.mqtt_port, given.port_base, given.site_out, stop)
    loop.remove_reader(sys.stdin.fileno())


def _campus(given: argparse.Namespace) -> Campus:
    if given.truth is not None and given.truth.exists():
        return campus_of_truth(json.loads(given.truth.read_text(encoding="utf-8")))
    epoch = given.epoch or epoch_before(datetime.now(UTC), given.days)
    return build_campus(given.seed, epoch, given.days, is_demo=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.campus.serve", description="Serve a simulated campus on real sockets"
    )
    parser.add_argument("--seed", type=int, default=1, help="which campus (default 1)")
    parser.add_argument("--epoch", type=date.fromisoformat, help="its first local day (default: DAYS before today)")
    parser.add_argument("--days", type=int, default=ROUND_DAYS, help=f"days of history (default {ROUND_DAYS})")
    parser.add_argument("--truth", type=Path, help="truth file: read if it is there, else written")
    parser.add_argument("--site-out", type=Path, help="where to write the site document (YAML)")
    parser.add_argument("--mqtt-port", type=int, required=True, help="port of the MQTT broker on 127.0.0.1")
    parser.add_argument("--port-base", type=int, default=0, help="port of the first line (default: free ones)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; the exit code."""
    try:
        asyncio.run(_serve(_arguments(arguments)))
    except (OSError, ValueError) as error:
        print(f"the campus cannot be served: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
