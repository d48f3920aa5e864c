"""Every protocol of meters on lines over every kind of line, at once, by the collecting service into the journal."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aquavolt.collecting import Collecting
from aquavolt.config.settings import load_settings
from collector.counts import Counts
from collector.journal import Journal
from collector.journal_sink import JournalSink
from device_profiles import ModbusProfile, load_profile
from metering.batch import ReadingBatch
from metering.quantities import BY_CODE
from metering.site import Site
from metering.site_document import parse_site
from simulators.cjt188.meter import Cjt188Meter
from simulators.dlt645.meter import Dlt645Meter
from simulators.line.server import LineFault, SimulatedLine
from simulators.mbus.meter import MbusMeter
from simulators.modbus.image import ProfileImage
from simulators.modbus.rtu import RtuLine
from simulators.modbus.server import SimulatedUnit

SDM = load_profile("eastron-sdm120")
assert isinstance(SDM, ModbusProfile)
ENERGY, VOLUME = "active_energy_import", "water_volume"
TRANSPORTS = ("tcp", "rtu+tcp", "serial", "listen")
# By profile: address of the meter, what it shows, and how it is simulated.
KINDS: dict[str, tuple[str, str, Callable[[float], Any]]] = {
    "dlt645-2007": ("000000000161", ENERGY, lambda v: SimulatedLine([Dlt645Meter("161", lambda: {ENERGY: v})])),
    "dlt645-1997": ("162", ENERGY, lambda v: SimulatedLine([Dlt645Meter("162", lambda: {ENERGY: v}, edition=1997)])),
    "cjt188-water": ("7", VOLUME, lambda v: SimulatedLine([Cjt188Meter("7", lambda: {VOLUME: v})])),
    "mbus": ("5", VOLUME, lambda v: SimulatedLine([MbusMeter(5, "12345678", lambda: {VOLUME: v})])),
    "eastron-sdm120": ("1", ENERGY, lambda v: RtuLine({1: SimulatedUnit(ProfileImage(SDM, lambda: {ENERGY: v}))})),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def connection(line: Any, transport: str, profile: str, port: int) -> str | None:
    """Serve the line by this transport; None where the protocol has none such."""
    if transport == "listen":
        return f"listen://127.0.0.1:{port}?id={profile}"
    if transport == "serial":
        return f"{'rtu' if profile == SDM.id else 'serial'}://{line.start_pty()}?baud=9600"
    if profile == SDM.id and transport == "tcp":
        return None  # Modbus TCP is a protocol of its own, with tests of its own
    return f"{transport}://127.0.0.1:{await line.start_tcp()}"


def site_of(meters: list[dict[str, Any]]) -> Site:
    return parse_site({"site": {"id": "lines", "timezone": "Asia/Shanghai"}, "meters": meters})


def medium_of(profile: str) -> str:
    return "electricity" if KINDS[profile][1] == ENERGY else "water"


def readings(journal: Journal) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {}
    after = 0
    while rows := journal.read(after):
        for _, batch in rows:
            if isinstance(batch, ReadingBatch):
                for m, q, v in zip(batch.meter, batch.quantity, batch.value, strict=True):
                    found.setdefault(batch.meters[m], []).append((BY_CODE[int(q)].name, float(v)))
        after = rows[-1][0]
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


@asynccontextmanager
async def collecting(site: Site, journal: Journal) -> AsyncIterator[Counts]:
    counts, sink = Counts(), JournalSink(journal)
    task = asyncio.create_task(Collecting(load_settings(None, {}), journal, sink, counts).run(site))
    try:
        yield counts
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await sink.close()


async def until(is_so: Callable[[], bool], what: Callable[[], object], within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, what()
        await asyncio.sleep(0.05)


async def keep_dialling(line: Any, port: int, profile: str) -> None:
    """A modem: it says its name, then heartbeats in between; until the collector listens it tries again."""
    while True:
        with suppress(OSError):
            await line.dial_in("127.0.0.1", port, profile.encode(), heartbeat=b"\xfe\xfe", every_s=0.05)
            return
        await asyncio.sleep(0.02)


def test_each_protocol_over_each_kind_of_line(journal: Journal) -> None:
    values = {(p, t): 100.0 + i for i, (p, t) in enumerate((p, t) for p in KINDS for t in TRANSPORTS)}

    async def scene() -> dict[str, list[tuple[str, float]]]:
        port, meters, lines, modems = free_port(), [], [], []
        for (profile, transport), value in values.items():
            address, _, make = KINDS[profile]
            line = make(value)
            where = await connection(line, transport, profile, port)
            lines.append(line)
            if where is None:
                continue
            if transport == "listen":
                modems.append(asyncio.create_task(keep_dialling(line, port, profile)))
            meters.append(
                {"id": f"{profile} {transport}", "medium": medium_of(profile), "profile": profile, "poll_s": 0.5,
                 "device_address": address, "connection": where}
            )  # fmt: skip
        wanted = {m["id"] for m in meters}
        async with collecting(site_of(meters), journal) as counts:

            def missing() -> set[str]:
                got = readings(journal)
                return {m for m in wanted if sum(q in {ENERGY, VOLUME} for q, _ in got.get(m, ())) < 2}

            def faults() -> object:
                report = counts.report(np.datetime64(0, "ms"), journal)
                return missing(), {m.meter: m.last_error for m in report.meters if m.last_error}

            await until(lambda: not missing(), faults)
        await asyncio.gather(*(line.stop() for line in lines), *modems)
        return readings(journal)

    found = asyncio.run(scene())
    assert len(found) == len(KINDS) * len(TRANSPORTS) - 1
    for (profile, transport), value in values.items():
        shown = [v for q, v in found.get(f"{profile} {transport}", ()) if q == KINDS[profile][1]]
        assert set(shown) <= {value}, (profile, transport)


def test_meters_of_several_protocols_share_a_line(journal: Journal) -> None:
    async def scene() -> dict[str, list[tuple[str, float]]]:
        line, meters = SimulatedLine([]), []
        for i, profile in enumerate(p for p in KINDS if p != SDM.id):
            address, _, make = KINDS[profile]
            line.meters.append(make(float(i + 1)).meters[0])
            meters.append({"id": profile, "medium": medium_of(profile), "profile": profile, "poll_s": 0.5,
                           "device_address": address})  # fmt: skip
        where = f"tcp://127.0.0.1:{await line.start_tcp()}"
        site = site_of([m | {"connection": where} for m in meters])
        async with collecting(site, journal):
            await until(lambda: min(samples(journal)[m["id"]] for m in meters) > 1, lambda: samples(journal))
        await line.stop()
        return readings(journal)

    found = asyncio.run(scene())
    shown = {profile: {v for q, v in rows if q == KINDS[profile][1]} for profile, rows in found.items()}
    assert shown == {p: {float(i + 1)} for i, p in enumerate(p for p in KINDS if p != SDM.id)}


BAD = {
    "half": LineFault(delay_s=0, is_half=True), "wrong sum": LineFault(delay_s=0, is_wrong_sum=True),
    "refusing": LineFault(delay_s=0, exception=2), "late": LineFault(delay_s=0, is_late=True),
}  # fmt: skip


@pytest.mark.parametrize("profile", ["dlt645-2007", "cjt188-water", "mbus"])
def test_what_a_bad_meter_says_is_no_reading_and_its_neighbour_is_read(profile: str, journal: Journal) -> None:
    """Each fault on a line of its own, beside a meter that is well but for noise before its answers."""
    address, quantity, make = KINDS[profile]

    async def scene() -> tuple[dict[str, list[tuple[str, float]]], dict[str, int]]:
        meters, lines = [], []
        for fault, wrong in BAD.items():
            line, other = make(13.0), make(42.0)
            line.meters.append(other.meters[0])
            lines.append(line)
            bad, well = line.meters
            bad.fault, well.fault = wrong, LineFault(delay_s=0, noise=7)
            if profile == "mbus":
                well.primary, well_at = 6, "6"
            else:
                well_at = "163"
                well.address = well_at.zfill(len(well.address))
            where = f"tcp://127.0.0.1:{await line.start_tcp()}"
            for name, at in (("bad", address), ("well", well_at)):
                meters.append({"id": f"{name} {fault}", "medium": medium_of(profile), "profile": profile,
                               "poll_s": 0.5, "device_address": at, "connection": where})  # fmt: skip
        async with collecting(site_of(meters), journal) as counts:

            def errors() -> dict[str, int]:
                return {m.meter: m.errors for m in counts.report(np.datetime64(0, "ms"), journal).meters}

            await until(
                lambda: (
                    all(errors().get(f"bad {f}", 0) for f in BAD if f not in {"refusing", "late"})
                    and all(len(readings(journal).get(f"well {f}", ())) > 1 for f in BAD)
                ),
                lambda: (errors(), {m: len(r) for m, r in readings(journal).items()}),
            )
            counted = errors()
        await asyncio.gather(*(line.stop() for line in lines))
        return readings(journal), counted

    found, _ = asyncio.run(scene())
    for fault in BAD:
        assert {v for q, v in found[f"well {fault}"] if q == quantity} == {42.0}
        # A late answer is right, though to an earlier question: it may be taken, never as another meter's.
        allowed = {13.0} if fault == "late" else set()
        assert {v for _, v in found.get(f"bad {fault}", ())} <= allowed


# Silent units of eight: the least share of the others' samples, of what they give on a line where none is silent.
LEAST = {0: 1.0, 1: 0.95, 2: 0.90}
POLLS = 12


def test_silent_units_leave_the_others_on_the_line_their_samples(journal: Journal) -> None:
    """Lines of two protocols, side by side with a sound one; counted in samples, not in seconds."""
    makers: dict[str, Callable[[int], Any]] = {
        "cjt188-water": lambda i: Cjt188Meter(str(i), lambda: {VOLUME: float(i)}),
        "mbus": lambda i: MbusMeter(i, str(10000000 + i), lambda: {VOLUME: float(i)}),
    }

    async def scene() -> Counter[str]:
        meters, lines = [], []
        for profile, make in makers.items():
            for silent in LEAST:
                line = SimulatedLine([make(i) for i in range(8)])
                for i, meter in enumerate(line.meters):
                    meter.fault = LineFault(delay_s=0.005, is_silent=i < silent)
                lines.append(line)
                # Polls and patience are scaled down alike; a poll a minute leaves a silent unit far less of the line.
                where = f"rtu+tcp://127.0.0.1:{await line.start_tcp()}?baud=19200&timeout_ms=100"
                meters += [
                    {"id": f"{profile} {silent} {i}", "medium": medium_of(profile), "profile": profile, "poll_s": 1.0,
                     "device_address": str(i), "connection": where}
                    for i in range(8)
                ]  # fmt: skip
        async with collecting(site_of(meters), journal):
            sound = {m["id"] for m in meters if m["id"].split()[1] == "0"}
            await until(lambda: min(samples(journal)[m] for m in sound) >= POLLS, lambda: samples(journal), 40.0)
        await asyncio.gather(*(line.stop() for line in lines))
        return samples(journal)

    counted = asyncio.run(scene())
    for profile in makers:
        for silent, least in LEAST.items():
            assert sum(counted[f"{profile} {silent} {i}"] for i in range(silent)) == 0
            due, given = (sum(counted[f"{profile} {s} {i}"] for i in range(silent, 8)) for s in (0, silent))
            assert given >= least * due, (profile, silent, given, due)


def samples(journal: Journal) -> Counter[str]:
    """By meter, how often its register was read."""
    return Counter({m: sum(q in {ENERGY, VOLUME} for q, _ in found) for m, found in readings(journal).items()})
