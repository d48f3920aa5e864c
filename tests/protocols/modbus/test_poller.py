"""The poller against simulated units on real sockets, in virtual time: hours of patience cost seconds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from collector.counts import Counts
from collector.modbus.frame import Frame, encode_tcp, split_tcp
from collector.modbus.poller import ModbusPoller
from device_profiles.loader import parse_profile
from metering.health import HealthReport, JournalHealth, MeterHealth
from metering.site import Meter
from simulators.modbus.image import ProfileImage
from simulators.modbus.server import HEALTHY, Fault, ModbusServer, SimulatedUnit

PROFILE = parse_profile(
    """
schema: device_profile/1
id: two-values
manufacturer: test
medium: electricity
protocol: modbus
confidence: high
defaults: {function: 4, dtype: float32, word_order: msw_first}
points:
  - {quantity: active_energy_import, address: 0}
  - {quantity: active_power, address: 2, valid_range: [0, 100]}
""",
    "two-values.yaml",
)
VALUES = 2


class _NoJournal:
    def health(self) -> JournalHealth:
        return JournalHealth()


def unit_of(number: int) -> SimulatedUnit:
    return SimulatedUnit(
        ProfileImage(PROFILE, lambda: {"active_energy_import": 100.0 * number, "active_power": float(number)})
    )


def meter_of(number: int, port: int, **more: object) -> Meter:
    given = {"profile": "two-values", "connection": f"tcp://127.0.0.1:{port}", "poll_s": 1.0, **more}
    return Meter(f"m{number}", "electricity", device_address=str(number), **given)  # type: ignore[arg-type]


def poller_of(meters: list[Meter], sink: object, counts: Counts) -> ModbusPoller:
    loop = asyncio.get_running_loop()
    return ModbusPoller(
        meters,
        sink,  # type: ignore[arg-type]
        counts,
        profiles=lambda _: PROFILE,
        now_ms=lambda: round(loop.time() * 1000),
        draw=lambda: 0.5,
    )


@contextlib.asynccontextmanager
async def running(poller: ModbusPoller) -> AsyncIterator[None]:
    task = asyncio.create_task(poller.run())
    try:
        yield
    finally:
        poller.stop()
        await task


@contextlib.asynccontextmanager
async def serving(numbers: range) -> AsyncIterator[tuple[ModbusServer, int]]:
    server = ModbusServer({n: unit_of(n) for n in numbers})
    port = await server.start()
    try:
        yield server, port
    finally:
        await server.stop()


def health(counts: Counts) -> HealthReport:
    return counts.report(np.datetime64(0, "ms"), _NoJournal())


def of(counts: Counts, meter: str) -> MeterHealth:
    return next(m for m in health(counts).meters if m.meter == meter)


def share(counts: Counts, meter: str) -> float:
    m = of(counts, meter)
    return m.received / m.expected


def test_every_meter_is_read_once_a_period_and_in_one_batch_with_the_others(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with (
            serving(range(1, 9)) as (_, port),
            running(poller_of([meter_of(n, port) for n in range(1, 9)], sink, counts)),
        ):
            await asyncio.sleep(20.0)
        for n in range(1, 9):
            assert {(q, v) for q, _, v in sink.readings(f"m{n}")} == {
                ("active_energy_import", 100.0 * n),
                ("active_power", float(n)),
            }
            steps = np.diff(sink.times(f"m{n}"))
            assert len(steps) >= 18
            assert abs(steps - 1000).max() <= 10
        assert len(sink.batches) < 8 * 20
        report = health(counts)
        assert [m.received == m.expected > 0 for m in report.meters] == [True] * 8
        assert report.connections[0].state == "connected"
        assert report.connections[0].requests >= 8 * 19

    virtual(scene())


def test_a_loop_that_is_held_up_asks_late_but_never_early(virtual, sink) -> None:
    """A meter asked before its slot is over would be asked too late, seen from there, the next time."""
    held_up_s, undisturbed_s = 0.12, 4.0

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        async with (
            serving(range(1, 41)) as (_, port),
            running(poller_of([meter_of(n, port) for n in range(1, 41)], sink, Counts())),
        ):
            await asyncio.sleep(undisturbed_s)
            for _ in range(40):
                await asyncio.sleep(0.37)
                loop.now += held_up_s  # type: ignore[attr-defined]
        for n in range(1, 41):
            times = np.array(sink.times(f"m{n}"))
            slot = times[times < 1000 * undisturbed_s][-1] % 1000
            lateness = (times - slot) % 1000
            assert lateness.max() <= 1000 * held_up_s + 20, f"m{n} was asked {1000 - lateness.max()} ms early"

    virtual(scene())


@pytest.mark.parametrize(("silent", "kept"), [((4,), 0.95), ((2, 7), 0.90)])
def test_silent_units_leave_the_others_their_samples(virtual, sink, silent: tuple[int, ...], kept: float) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 9)) as (server, port):
            for n in silent:
                server.units[n].fault = Fault(is_silent=True)
            async with running(poller_of([meter_of(n, port) for n in range(1, 9)], sink, counts)):
                await asyncio.sleep(120.0)
        for n in range(1, 9):
            m = of(counts, f"m{n}")
            assert m.expected >= 118 * VALUES
            if n in silent:
                assert m.breaker == "open"
                assert m.received == 0
                assert m.skipped + VALUES * m.errors >= m.expected - VALUES
                assert server.units[n].requests < 12
            else:
                assert share(counts, f"m{n}") >= kept

    virtual(scene())


def test_a_unit_that_falls_silent_comes_back(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with (
            serving(range(1, 4)) as (server, port),
            running(poller_of([meter_of(n, port) for n in range(1, 4)], sink, counts)),
        ):
            await asyncio.sleep(5.0)
            server.units[2].fault = Fault(is_silent=True)
            await asyncio.sleep(20.0)
            assert of(counts, "m2").breaker == "open"
            server.units[2].fault = HEALTHY
            await asyncio.sleep(40.0)
            assert of(counts, "m2").breaker == "closed"
        assert sink.times("m2")[-1] > 60_000
        assert share(counts, "m1") == share(counts, "m3") == 1.0

    virtual(scene())


def test_a_meter_read_rarely_is_asked_as_soon_as_it_is_back(virtual, sink) -> None:
    async def scene() -> None:
        async with serving(range(1, 3)) as (server, port):
            server.units[1].fault = Fault(is_silent=True)
            meters = [meter_of(1, port, poll_s=900.0), meter_of(2, port)]
            async with running(poller_of(meters, sink, Counts())):
                await asyncio.sleep(30.0)
                server.units[1].fault = HEALTHY
                await asyncio.sleep(60.0)
                assert len(sink.times("m1")) == 1

    virtual(scene())


def test_a_slow_unit_is_waited_for_once_it_is_known_to_be_slow(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 4)) as (server, port):
            server.units[3].fault = Fault(delay_s=0.4)
            async with running(poller_of([meter_of(n, port, poll_s=2.0) for n in range(1, 4)], sink, counts)):
                await asyncio.sleep(60.0)
        assert share(counts, "m3") > 0.9
        assert share(counts, "m1") == 1.0

    virtual(scene())


def test_a_poll_never_queues_behind_itself(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 2)) as (server, port):
            server.units[1].fault = Fault(delay_s=0.35)
            async with running(poller_of([meter_of(1, port, poll_s=0.1)], sink, counts)):
                await asyncio.sleep(20.0)
                assert server.units[1].requests <= 20.0 / 0.35 + 1
        m = of(counts, "m1")
        assert m.skipped > m.received > 40 * VALUES
        assert m.expected - m.received - m.skipped <= VALUES

    virtual(scene())


def test_stale_transactions_never_become_readings(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 4)) as (server, port):
            server.units[2].fault = Fault(transaction_shift=1)
            async with running(poller_of([meter_of(n, port) for n in range(1, 4)], sink, counts)):
                await asyncio.sleep(60.0)
        assert sink.readings("m2") == []
        assert {v for q, _, v in sink.readings("m1") if q == "active_power"} == {1.0}
        assert share(counts, "m1") >= 0.95

    virtual(scene())


def test_an_exception_is_an_error_of_the_meter_not_of_the_line(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 3)) as (server, port):
            server.units[1].fault = Fault(exception=2)
            async with running(poller_of([meter_of(n, port) for n in range(1, 3)], sink, counts)):
                await asyncio.sleep(10.0)
        m = of(counts, "m1")
        assert (m.breaker, m.received) == ("closed", 0)
        assert m.errors >= 9
        assert "illegal data address" in m.last_error
        assert share(counts, "m2") == 1.0

    virtual(scene())


def test_a_gateways_word_for_silence_opens_the_breaker(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 3)) as (server, port):
            server.units[1].fault = Fault(exception=11)
            async with running(poller_of([meter_of(n, port) for n in range(1, 3)], sink, counts)):
                await asyncio.sleep(10.0)
        assert of(counts, "m1").breaker == "open"
        assert share(counts, "m2") == 1.0

    virtual(scene())


def test_the_line_comes_back_after_the_server_died(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        server = ModbusServer({n: unit_of(n) for n in range(1, 4)})
        port = await server.start()
        async with running(poller_of([meter_of(n, port) for n in range(1, 4)], sink, counts)):
            await asyncio.sleep(5.0)
            await server.stop()
            await asyncio.sleep(60.0)
            assert health(counts).connections[0].state == "waiting"
            server = ModbusServer({n: unit_of(n) for n in range(1, 4)})
            await server.start(port=port)
            await asyncio.sleep(100.0)
            assert health(counts).connections[0].state == "connected"
        await server.stop()
        assert health(counts).connections[0].reconnects >= 1
        for n in range(1, 4):
            times = np.array(sink.times(f"m{n}"))
            assert (times < 5_500).sum() >= 4
            assert times[-1] > 160_000
            m = of(counts, f"m{n}")
            assert m.received + m.skipped + VALUES * m.errors >= m.expected - VALUES

    virtual(scene())


def test_dropped_connections_cost_seconds_not_the_backoff_of_a_dead_line(virtual, sink) -> None:
    async def scene() -> None:
        async with (
            serving(range(1, 3)) as (server, port),
            running(poller_of([meter_of(n, port) for n in range(1, 3)], sink, Counts())),
        ):
            for _ in range(5):
                await asyncio.sleep(20.0)
                server.drop_connections()
            await asyncio.sleep(5.0)
        assert np.diff(sink.times("m1")).max() <= 4_000

    virtual(scene())


def test_a_meter_that_cannot_be_polled_is_set_aside_alone(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 2)) as (_, port):
            bad = Meter("bad", "electricity", profile="two-values", connection="mqtt://127.0.0.1/x", device_address="9")
            line = f"tcp://127.0.0.1:{port}"
            worse = Meter("worse", "electricity", profile="two-values", connection=line, device_address="300")
            poller = poller_of([bad, worse, meter_of(1, port)], sink, counts)
            async with running(poller):
                await asyncio.sleep(3.0)
        assert [r.meter for r in poller.refused] == ["bad", "worse"]
        assert "Modbus is polled over tcp://, tls://, rtu://, rtu+tcp://, listen://" in poller.refused[0].reason
        assert "0 to 255" in poller.refused[1].reason
        assert of(counts, "bad").errors == 1
        assert share(counts, "m1") == 1.0

    virtual(scene())


def test_while_the_sink_is_full_nothing_is_asked_and_all_is_counted(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 2)) as (server, port):
            sink.accepting = False
            async with running(poller_of([meter_of(1, port)], sink, counts)):
                await asyncio.sleep(10.0)
                assert server.units[1].requests == 0
                m = of(counts, "m1")
                assert m.skipped == m.expected >= 9 * VALUES
                sink.accepting = True
                await asyncio.sleep(10.0)
        assert len(sink.times("m1")) >= 9

    virtual(scene())


def test_a_failing_sink_is_counted_and_polling_goes_on(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 2)) as (_, port), running(poller_of([meter_of(1, port)], sink, counts)):
            sink.failure = OSError("disk full")
            await asyncio.sleep(5.0)
            sink.failure = None
            await asyncio.sleep(5.0)
        m = of(counts, "m1")
        assert m.errors >= 4
        assert "disk full" in m.last_error
        assert m.received == VALUES * len(sink.times("m1")) >= 4 * VALUES

    virtual(scene())


def test_only_changed_lines_are_made_anew(virtual, sink) -> None:
    async def scene() -> None:
        counts = Counts()
        async with serving(range(1, 3)) as (one, first), serving(range(3, 5)) as (two, second):
            meters = [meter_of(1, first), meter_of(3, second)]
            poller = poller_of(meters, sink, counts)
            async with running(poller):
                await asyncio.sleep(5.0)
                kept = set(one._sessions)
                dropped = set(two._sessions)
                await poller.apply([meter_of(1, first), meter_of(4, second)])
                await asyncio.sleep(5.0)
                assert set(one._sessions) == kept
                assert not set(two._sessions) & dropped
                await poller.apply([meter_of(1, first)])
                await asyncio.sleep(5.0)
                assert not two._sessions
        assert sink.times("m3")[-1] < 5_000 < sink.times("m4")[0]
        assert sink.times("m4")[-1] < 10_000 < sink.times("m1")[-1]
        assert [c.connection for c in health(counts).connections] == [f"tcp://127.0.0.1:{first}"]

    virtual(scene())


def test_what_has_arrived_is_handed_over_at_the_end(virtual, sink) -> None:
    async def scene() -> None:
        async with serving(range(1, 2)) as (server, port), running(poller_of([meter_of(1, port)], sink, Counts())):
            await asyncio.sleep(0.05)  # asked at once (phase 0), gathered for 0.2 s
            assert server.units[1].requests == 1
            assert sink.batches == []
        assert len(sink.readings("m1")) == VALUES

    virtual(scene())


def test_the_multiplier_goes_to_energy_and_power_and_the_range_is_the_meters_own(virtual, sink) -> None:
    async def scene() -> None:
        async with (
            serving(range(2, 3)) as (_, port),
            running(poller_of([meter_of(2, port, multiplier=60.0)], sink, Counts())),
        ):
            await asyncio.sleep(2.0)
        assert {(q, v) for q, _, v in sink.readings("m2")} == {
            ("active_energy_import", 12_000.0),
            ("active_power", 120.0),
        }
        assert all((b.quality == 0).all() for b in sink.batches)

    virtual(scene())


def test_an_implausible_value_is_kept_and_held_and_no_number_is_left_out(virtual, sink) -> None:
    async def scene() -> None:
        values = {"active_energy_import": float("nan"), "active_power": 101.0}
        server = ModbusServer({1: SimulatedUnit(ProfileImage(PROFILE, lambda: values))})
        port = await server.start()
        counts = Counts()
        async with running(poller_of([meter_of(1, port)], sink, counts)):
            await asyncio.sleep(3.0)
        await server.stop()
        assert {(q, v) for q, _, v in sink.readings("m1")} == {("active_power", 101.0)}
        assert all((b.quality == 2).all() for b in sink.batches)
        assert of(counts, "m1").received * 2 == of(counts, "m1").expected

    virtual(scene())


Answer = Callable[[Frame], bytes]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(lambda f: encode_tcp(Frame(f.unit + 1, b"\x04\x08" + bytes(8), f.transaction)), id="another unit"),
        pytest.param(lambda f: encode_tcp(Frame(f.unit, b"\x03\x08" + bytes(8), f.transaction)), id="another function"),
        pytest.param(
            lambda f: encode_tcp(Frame(f.unit, b"\x04\x06" + bytes(6), f.transaction)), id="too few registers"
        ),
        pytest.param(lambda f: encode_tcp(Frame(f.unit, b"\x04\x06" + bytes(8), f.transaction)), id="length lies"),
        pytest.param(lambda f: encode_tcp(Frame(f.unit, b"\x04\x08" + bytes(8), f.transaction))[:-1], id="cut short"),
    ],
)
def test_a_wrong_answer_never_becomes_a_reading(virtual, sink, answer: Answer) -> None:
    class Liar(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            for frame in split_tcp(data)[0]:
                self.transport.write(answer(frame))  # type: ignore[attr-defined]

    async def scene() -> None:
        counts = Counts()
        server = await asyncio.get_running_loop().create_server(Liar, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with running(poller_of([meter_of(1, port)], sink, counts)):
            await asyncio.sleep(30.0)
        server.close()
        await server.wait_closed()
        assert sink.batches == []
        assert of(counts, "m1").errors >= 1

    virtual(scene())
