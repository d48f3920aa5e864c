"""The live stream: order, resume, and readers that come back too late."""

from __future__ import annotations

import asyncio
import json
import threading

import httpx
import pytest

from api.stream import EventStream


def parse(text: str) -> list[tuple[str, str, dict]]:
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in fields:
            events.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return events


async def take(stream: EventStream, count: int, last_id: str | None = None, *, publish=()) -> list:
    """The first `count` events a reader gets; `publish` is published once it listens."""
    text, frames = "", stream.frames(last_id)
    text += (await anext(frames)).decode()
    for event in publish:
        stream.publish(event)
    while len(parse(text)) < count:
        text += (await asyncio.wait_for(anext(frames), 10)).decode()
    await frames.aclose()
    return parse(text)


def event(number: int) -> dict:
    return {"type": "alert", "id": f"a{number}"}


def test_events_come_in_order_with_ids():
    events = asyncio.run(take(EventStream(), 3, publish=[event(i) for i in range(3)]))
    assert [e[2]["id"] for e in events] == ["a0", "a1", "a2"]
    assert len({e[0] for e in events}) == 3
    assert {e[1] for e in events} == {"alert"}


def test_a_reader_goes_on_where_it_stopped():
    stream = EventStream()
    ids = [stream.publish(event(i)) for i in range(5)]
    events = asyncio.run(take(stream, 3, ids[1]))
    assert [e[2]["id"] for e in events] == ["a2", "a3", "a4"]


@pytest.mark.parametrize("last_id", ["other-3", "nonsense", "", "-", "{}-999", "{}-x"])
def test_a_place_that_is_not_known_is_a_reset(last_id):
    stream = EventStream()
    epoch = stream.publish(event(0)).partition("-")[0]
    (first,) = asyncio.run(take(stream, 1, last_id.format(epoch)))
    assert first[1] == "reset"


def test_a_place_that_fell_out_of_the_ring_is_a_reset():
    stream = EventStream(capacity=3)
    ids = [stream.publish(event(i)) for i in range(10)]
    (first,) = asyncio.run(take(stream, 1, ids[2]))
    assert first[1] == "reset"
    assert [e[2]["id"] for e in asyncio.run(take(stream, 3, ids[6]))] == ["a7", "a8", "a9"]


def test_a_reader_that_is_too_slow_is_reset_and_costs_no_memory():
    stream = EventStream(capacity=3)
    events = asyncio.run(take(stream, 1, publish=[event(i) for i in range(10)]))
    assert events[0][1] == "reset"


def test_quiet_is_told_by_a_comment():
    async def first_two() -> list[bytes]:
        frames = EventStream(heartbeat_s=0.01).frames()
        return [await anext(frames), await anext(frames)]

    assert asyncio.run(first_two())[1] == b": quiet\n\n"


def test_closing_ends_every_stream():
    stream = EventStream()

    async def read() -> list[bytes]:
        asyncio.get_running_loop().call_later(0.01, stream.close)
        return [frame async for frame in stream.frames()]

    asyncio.run(asyncio.wait_for(read(), 10))
    assert stream.readers == 0


def test_many_threads_publish_and_nothing_is_lost():
    stream = EventStream(capacity=10_000)
    first = stream.publish(event(0))

    def publish(worker: int) -> None:
        for i in range(250):
            stream.publish({"type": "alert", "id": f"{worker}.{i}"})

    threads = [threading.Thread(target=publish, args=(w,)) for w in range(4)]
    for thread in threads:
        thread.start()
    events = asyncio.run(take(stream, 1000, first))
    for thread in threads:
        thread.join()
    assert len({e[2]["id"] for e in events}) == 1000
    for worker in range(4):
        mine = [e[2]["id"] for e in events if e[2]["id"].startswith(f"{worker}.")]
        assert mine == [f"{worker}.{i}" for i in range(250)]


def test_over_http_an_acknowledgement_arrives_and_is_resumed(served, listen):
    address = listen(served.app)
    with httpx.Client(base_url=address, timeout=20) as client:
        with client.stream("GET", "/api/v1/stream") as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            chunks = answer.iter_text()
            next(chunks)
            client.post("/api/v1/alerts/leak/acknowledge", json={})
            text = ""
            while not parse(text):
                text += next(chunks)
        (event_id, kind, data) = parse(text)[0]
        assert kind == "alert"
        place = {"node": "dorm-1", "assigned_to": "demo"}
        assert data == {"type": "alert", "id": "leak", "change": "acknowledged", "version": 1, **place}
        client.post("/api/v1/alerts/leak/comments", json={"text": "there"})
        with client.stream("GET", "/api/v1/stream", headers={"Last-Event-ID": event_id}) as answer:
            text = ""
            for chunk in answer.iter_text():
                text += chunk
                if parse(text):
                    break
        assert parse(text)[0][2]["change"] == "commented"
