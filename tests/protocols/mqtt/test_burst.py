"""Bursts without a broker: columns, quality bits, times, and that one payload never stops the others."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.clocks import TOLERATED_MS
from collector.counts import Counts
from collector.mqtt.burst import Burst
from collector.mqtt.decode import Sample, payload_decoder
from collector.mqtt.frame import Publish
from collector.mqtt.routes import Route, Routes
from device_profiles.schema import JsonProfile
from metering.batch import Quality, ReadingBatch
from metering.health import JournalHealth

NOW_MS = 1_772_323_200_000
RANGED = JsonProfile.model_validate(
    {
        "schema": "device_profile/1", "id": "made-up", "manufacturer": "nobody", "medium": "water",
        "confidence": "low", "protocol": "mqtt-json", "time": {"path": ["t"], "form": "unix_ms"},
        "points": [
            {"quantity": "water_volume", "path": "v"},
            {"quantity": "temperature", "path": "c", "valid_range": [0, 50]},
        ],
    }
)  # fmt: skip


class NoJournal:
    def health(self) -> JournalHealth:
        return JournalHealth()


def broken(payload: bytes) -> Sample:
    raise ZeroDivisionError("a fault of a decoder")


ROUTES = Routes(
    [
        Route("a", "meter-a", payload_decoder(RANGED, medium="water")),
        Route("b", "meter-b", payload_decoder(RANGED, medium="water")),
        Route("broken", "meter-x", broken),
    ]
)


def gather(messages, counts=None, arrivals=None) -> tuple[ReadingBatch, Burst]:
    burst = Burst(ROUTES, counts or Counts(), NOW_MS, {} if arrivals is None else arrivals, lambda _: None)
    burst.add_all([Publish(t, json.dumps(d).encode(), i + 1, is_retained=False) for i, (t, d) in enumerate(messages)])
    return burst.batch(), burst


def test_bits_stand_at_their_own_values():
    batch, burst = gather(
        [
            (b"a", {"v": 1, "c": 20, "t": NOW_MS}),
            (b"b", {"v": 2, "c": 60, "t": NOW_MS}),
            (b"a", {"v": 3, "c": 70, "t": NOW_MS + TOLERATED_MS + 1}),
            (b"a", {"v": 4, "t": NOW_MS + TOLERATED_MS}),
        ]
    )
    held, wrong = int(Quality.HELD), int(Quality.CLOCK_WRONG)
    assert batch.meters == ("meter-a", "meter-b")
    assert batch.meter.tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert batch.value.tolist() == [1, 20, 2, 60, 3, 70, 4]
    assert batch.quality.tolist() == [0, 0, 0, held, wrong, wrong | held, 0]
    assert (batch.time.astype(np.int64) - NOW_MS).tolist() == [0, 0, 0, 0, 0, 0, TOLERATED_MS]
    assert burst.messages().tolist() == [0, 1, 0, 0]


def test_messages_without_a_time_get_one_each_also_across_bursts():
    arrivals: dict[str, int] = {}
    first, _ = gather([(b"a", {"v": 1}), (b"a", {"v": 2}), (b"b", {"v": 3})], arrivals=arrivals)
    second, _ = gather([(b"a", {"v": 4})], arrivals=arrivals)
    times = [*(first.time.astype(np.int64) - NOW_MS), *(second.time.astype(np.int64) - NOW_MS)]
    assert times == [0, 1, 0, 2]


def test_a_fault_of_a_decoder_is_one_message_set_aside():
    counts = Counts()
    batch, _ = gather([(b"broken", {}), (b"a", {"v": 1}), (b"nobody's", {"v": 1})], counts)
    assert batch.value.tolist() == [1]
    report = counts.report(np.datetime64(NOW_MS, "ms"), NoJournal())
    assert report.set_aside == {"malformed MQTT payload": 1, "MQTT message on a topic of no meter": 1}
    assert report.meters[0].last_error == "topic broken: the payload ZeroDivisionError: a fault of a decoder"


def test_a_burst_of_nothing_is_an_empty_batch():
    batch, burst = gather([])
    assert (len(batch), len(burst.messages())) == (0, 0)


extras = {"c": st.integers(-90, 90), "t": st.integers(0, 10**9)}
good_payloads = st.fixed_dictionaries({"v": st.floats(-1e9, 1e9)}, optional=extras)
payloads = good_payloads | st.just({}) | st.just({"v": "text"})


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), payloads), max_size=20))
def test_a_burst_holds_exactly_what_its_messages_state(messages):
    batch, _ = gather(messages)
    good = [(topic, d) for topic, d in messages if isinstance(d.get("v"), float)]
    assert batch.value.tolist() == [v for _, d in good for v in (d["v"], d.get("c")) if v is not None]
    assert [batch.meters[m] for m in batch.meter] == [
        f"meter-{topic.decode()}" for topic, d in good for _ in range(1 + ("c" in d))
    ]
    keys = list(zip(batch.meter, batch.quantity, batch.time, strict=True))
    assert len(set(keys)) == len(keys)  # every time is before 2000, or none: each message gets one of its own
