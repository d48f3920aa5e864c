"""A server that is busy, refuses, breaks off or is gone: nothing is lost, and only points at fault are set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from deploy.services.influxd import Access, Influx, is_at_hand
from metering.batch import ReadingBatch, batch_of
from metering.health import HealthReport
from metering.intervals import IntervalBatch
from metering.ports import StoreUnavailableError
from tests.storage.influx.proxy import Answer, Proxy

pytestmark = pytest.mark.influx

START = np.datetime64("2026-03-01T00:00", "ms")
END = START + np.timedelta64(1, "D")
Open = Callable[..., InfluxStore]


def readings(rows: int, meters: int = 4, first_value: float = 0.0) -> ReadingBatch:
    ids = [f"m{i}" for i in range(meters)]
    time = START + (np.arange(rows) // meters) * np.timedelta64(1000, "ms")
    return batch_of(ids, np.arange(rows) % meters, 50, time, np.arange(rows) + first_value, np.arange(rows) % 3)


def stored(store: InfluxStore) -> list[float]:
    batch = store.read([f"m{i}" for i in range(4)], ["water_volume"], START, END)
    return sorted(batch.value.tolist())


def lines_of(body: bytes) -> list[bytes]:
    return body.splitlines()


def test_busy_answers_are_tried_again_and_each_point_is_there_once(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url)
    left = [Answer(503), Answer(429, headers={"Retry-After": "1"}), Answer(502), Answer(504), Answer(500)]
    proxy.rule = lambda path, _: left.pop(0) if left and "/write?" in path else None
    store.append_readings([readings(100)], 7)
    assert stored(store) == list(range(100))
    assert store.position() == 7
    assert not left
    assert store.health().state.is_available
    assert store.health().state.errors == 5


def test_queries_are_tried_again_too_also_when_the_answer_breaks_off(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url)
    store.append_readings([readings(100)], 1)
    broken = b",result,table,_time,_value,meter,quantity\r\n,_result,0,2026-03-01T00:00:00Z,5,m0,water_volume\r\n\r\n"
    left = [Answer(503), Answer(200, broken + b"error,reference\r\nengine: closed,\r\n")]
    proxy.rule = lambda path, _: left.pop(0) if left and "/query?" in path else None
    assert stored(store) == list(range(100))


def test_too_large_is_split_until_it_fits(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url)
    proxy.rule = lambda path, body: Answer(413) if "/write?" in path and len(body) > 3_000 else None
    store.append_readings([readings(500)], 1)
    assert stored(store) == list(range(500))
    assert store.health().quarantined == 0
    assert sum(length <= 3_000 for length in proxy.writes()) >= 16


def test_only_the_points_at_fault_are_set_aside_and_replayed_later(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url)
    bad = {b"value=13.0", b"value=77.0", b"value=78.0"}

    def rule(path: str, body: bytes) -> Answer | None:
        has_bad = "/write?" in path and any(token in body for token in bad)
        return Answer(400, b'{"message":"unable to parse"}') if has_bad else None

    proxy.rule = rule
    store.append_readings([readings(100)], 9)
    assert stored(store) == sorted(set(range(100)) - {13, 77, 78})
    assert store.position() == 9
    store.append_readings([readings(100)], 9)  # written again as after a crash: the same points are set aside once
    aside = list(store.quarantine())
    assert sorted(value for each in aside for value in each.batch.value.tolist()) == [13, 77, 78]
    assert {each.measurement for each in aside} == {"reading"}
    assert "unable to parse" in aside[0].reason
    assert aside[0].batch.meters == ("m1",)
    report = store.told_in(HealthReport(START))
    assert list(report.set_aside.values()) == [3]
    bad.discard(b"value=13.0")
    for each in store.quarantine():
        store.replay(each)
    assert store.health().quarantined == 2
    bad.clear()
    for each in store.quarantine():
        store.replay(each)
    assert store.health().quarantined == 0
    assert stored(store) == list(range(100))


def test_a_field_of_another_type_sets_the_points_aside_that_the_real_server_refuses(
    open_influx: Open, influx: Access, settings: InfluxSettings
) -> None:
    store = open_influx()
    foreign = b"reading,meter=m2,quantity=water_volume,site=campus value=1i 1772323200000"
    httpx.post(
        f"{influx.url}/api/v2/write?org={influx.org}&bucket={settings.bucket}&precision=ms",
        content=foreign,
        headers={"Authorization": f"Token {influx.token}"},
    ).raise_for_status()
    store.append_readings([readings(40)], 3)
    quarantined = store.health().quarantined
    assert quarantined > 0
    assert len(stored(store)) - 1 + quarantined == 40
    assert all("field type conflict" in each.reason for each in store.quarantine())


def test_a_refused_token_is_held_told_and_goes_on_when_it_is_mended(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url)
    proxy.rule = lambda path, _: Answer(401, b'{"message":"unauthorized access"}') if "/write?" in path else None
    with pytest.raises(StoreUnavailableError, match="AQUAVOLT_INFLUX_TOKEN"):
        store.append_readings([readings(10)], 5)
    assert store.position() == 0
    (server,) = store.told_in(HealthReport(START)).connections
    assert server.state == "held"
    assert "unauthorized" in server.last_error
    proxy.rule = lambda _path, _body: None
    store.append_readings([readings(10)], 5)
    assert store.told_in(HealthReport(START)).connections[0].state == "connected"
    assert stored(store) == list(range(10))


@pytest.mark.parametrize("given", [{"token": "wrong"}, {"org": "nobody"}])
def test_wrong_credentials_are_told_by_the_real_server(open_influx: Open, given: dict[str, str]) -> None:
    store = open_influx(**given, patience_s=1)
    with pytest.raises(StoreUnavailableError, match="AQUAVOLT_INFLUX"):
        store.append_readings([readings(10)], 5)
    assert store.health().state.is_held


def test_half_of_the_points_written_is_mended_by_the_same_call(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url, patience_s=1)
    proxy.rule = lambda path, body: Answer(503) if "/write?" in path and b"m3," in body else None
    whole = readings(24_000)
    with pytest.raises(StoreUnavailableError):
        store.append_readings([whole], 5)
    assert store.position() == 0
    proxy.rule = lambda _path, _body: None
    store.append_readings([whole], 5)
    assert stored(store) == list(range(24_000))


def test_of_the_same_key_the_later_wins_across_bodies_and_lanes(open_influx: Open) -> None:
    store = open_influx()
    store.append_readings([readings(20_000), readings(20_000, first_value=0.5)], 1)
    assert stored(store) == [value + 0.5 for value in range(20_000)]


def test_a_roll_up_that_was_not_written_is_mended_by_the_same_call(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url, patience_s=0.5)
    step = np.timedelta64(15, "m")
    batch = IntervalBatch(
        ("m",),
        np.zeros(3, np.int32),
        np.full(3, 50, np.uint8),
        START + np.arange(3) * step,
        np.ones(3),
        np.zeros(3, np.uint16),
    )
    proxy.rule = lambda path, body: Answer(503) if "/write?" in path and body.startswith(b"interval_hour") else None
    with pytest.raises(StoreUnavailableError):
        store.upsert_intervals(batch)
    proxy.rule = lambda _path, _body: None
    store.upsert_intervals(batch)
    hour = START + np.arange(2) * 4 * step
    assert store.usage(["m"], "water_volume", hour).usage.tolist() == [[3.0]]


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Influx]:
    if not is_at_hand():
        pytest.skip("no InfluxDB 2")
    server = Influx(tmp_path / "server")
    yield server
    server.stop()


def test_a_server_killed_and_started_again_has_all_that_was_confirmed(
    own_server: Influx, open_influx: Open, settings: InfluxSettings
) -> None:
    access = own_server.access
    given: dict[str, Any] = {"url": access.url, "token": access.token, "org": access.org, "patience_s": 0.5}
    store = open_influx(**given)
    for number in range(20):
        store.append_readings([readings(20).take(np.array([number]))], number)
    own_server.stop(is_kill=True)
    with pytest.raises(StoreUnavailableError, match="no answer"):
        store.append_readings([readings(20, first_value=100.0)], 99)
    assert store.position() == 19
    opened_without_it = open_influx(**given)
    assert opened_without_it.position() == 19
    assert not opened_without_it.health().state.is_available
    own_server.start()
    assert stored(opened_without_it) == list(range(20))
    store.append_readings([readings(20)], 99)
    assert stored(store) == list(range(20))
    assert store.health().state.is_available


def test_a_bucket_made_anew_has_no_position(open_influx: Open, settings: InfluxSettings) -> None:
    store = open_influx()
    store.append_readings([readings(10)], 41)
    api = store._http.client.buckets_api()
    api.delete_bucket(api.find_bucket_by_name(settings.bucket))
    again = open_influx()
    assert again.position() == 0
    assert len(again.latest()) == 0
    again.append_readings([readings(10)], 41)
    assert stored(again) == list(range(10))


def test_retention_is_set_where_the_bucket_is_made(open_influx: Open, settings: InfluxSettings) -> None:
    store = open_influx(retention_days=30.0)
    api = store._http.client.buckets_api()
    assert api.find_bucket_by_name(settings.bucket).retention_rules[0].every_seconds == 30 * 86_400
    assert not [
        r.every_seconds for r in api.find_bucket_by_name(settings.derived_bucket).retention_rules if r.every_seconds
    ]
    old = batch_of(["m0"], [0], 50, START - np.timedelta64(3650, "D"), [1.0])
    store.append_readings([old], 1)
    assert "retention" in next(store.quarantine()).reason


HOSTILE = (
    'a" or r.meter != "', '") |> drop(columns: ["_value"]) //', "${r.meter}", "\\", 'x\\"', "a\nb", "\r\n,_result,0",
    "%0A", "%", "a,b=c d", "' OR 1=1 --", "\t", "ＡＢ", "\u2028", "_", "a\u0000b", "=", "🚰",
)  # fmt: skip


def test_no_id_breaks_out_of_a_query_a_line_or_an_answer(open_influx: Open) -> None:
    stores = [open_influx(site=site) for site in ("campus", 'c" or true or r.site == "', "other,site=campus x")]
    for number, store in enumerate(stores):
        values = np.arange(len(HOSTILE)) + 100.0 * number
        store.append_readings([batch_of(HOSTILE, np.arange(len(HOSTILE)), 50, START, values)], 1)
        step = IntervalBatch(
            HOSTILE, np.arange(len(HOSTILE), dtype=np.int32), np.full(len(HOSTILE), 50, np.uint8),
            np.full(len(HOSTILE), START), values, np.zeros(len(HOSTILE), np.uint16),
        )  # fmt: skip
        store.upsert_intervals(step)
    for number, store in enumerate(stores):
        for place, meter in enumerate(HOSTILE):
            got = store.read([meter], ["water_volume"], START, END)
            assert got.value.tolist() == [100.0 * number + place], meter
        edges = START + np.arange(2) * np.timedelta64(15, "m")
        assert store.usage(HOSTILE, "water_volume", edges).usage[0].tolist() == [
            100.0 * number + i for i in range(len(HOSTILE))
        ]
        assert store.count() == dict.fromkeys(HOSTILE, 1)
        assert len(store.latest()) == len(HOSTILE)
        assert store.latest([HOSTILE[0], "nobody"]).value.tolist() == [100.0 * number]


def test_large_ranges_come_in_pages(open_influx: Open, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aquavolt.stores.influx.reading_queries.PAGE_ROWS", 1000)
    store = open_influx(url=proxy.url)
    store.append_readings([readings(10_000)], 1)
    got = store.read(["m3", "m1"], ["water_volume", "flow_rate"], START, END)
    assert got.value.tolist() == [*range(3, 10_000, 4), *range(1, 10_000, 4)]
    assert got.quality.tolist() == [v % 3 for v in (*range(3, 10_000, 4), *range(1, 10_000, 4))]
    assert len([path for path, _ in proxy.asked if "/query?" in path]) >= 10
