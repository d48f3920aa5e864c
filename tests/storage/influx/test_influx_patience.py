"""Which errors are tried again, how long, and what is known meanwhile; on a clock of the test's own."""

from __future__ import annotations

import pytest

from aquavolt.stores.influx.faults import InfluxError, Remedy, error_of
from aquavolt.stores.influx.patience import Patience
from metering.ports import StoreUnavailableError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False


def patience(clock: Clock, seconds: float = 20.0) -> Patience:
    return Patience("InfluxDB", seconds, monotonic=lambda: clock.now, wait=clock.wait, jitter=lambda: 1.0)


def failing(*errors: InfluxError) -> object:
    left = list(errors)

    def request() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return request


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 504])
def test_what_passes_by_itself_is_tried_again_with_growing_pauses(status: int) -> None:
    clock = Clock()
    tried = patience(clock)
    assert tried.run(failing(*[InfluxError(status, "busy")] * 4)) == "done"
    assert clock.waits == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert tried.state.is_available
    assert (tried.state.requests, tried.state.errors) == (5, 4)


def test_after_its_time_it_says_unavailable_and_why() -> None:
    clock = Clock()
    tried = patience(clock, 5)
    with pytest.raises(StoreUnavailableError, match="503: overloaded"):
        tried.run(failing(*[InfluxError(503, "overloaded")] * 99))
    assert 2.5 < clock.now - 1000 <= 5
    assert not tried.state.is_available
    assert not tried.state.is_held


def test_retry_after_is_kept_by_everybody() -> None:
    clock = Clock()
    tried = patience(clock)
    assert tried.run(failing(error_of(429, b"{}", {"Retry-After": "7"}))) == "done"
    assert clock.waits == [7]
    clock = Clock()
    tried = patience(clock)
    with pytest.raises(StoreUnavailableError):
        tried.run(failing(error_of(503, b"{}", {"Retry-After": "60"})))
    with pytest.raises(StoreUnavailableError, match="asks to wait 60 s"):
        tried.run(failing())
    clock.now += 61
    assert tried.run(failing()) == "done"


@pytest.mark.parametrize(("status", "word"), [(401, "TOKEN"), (403, "right"), (404, "BUCKET")])
def test_what_somebody_must_mend_is_held_at_once_with_advice(status: int, word: str) -> None:
    clock = Clock()
    tried = patience(clock)
    with pytest.raises(StoreUnavailableError, match=word):
        tried.run(failing(InfluxError(status, "no")))
    assert clock.waits == []
    assert tried.state.is_held
    assert tried.run(failing()) == "done"
    assert not tried.state.is_held


@pytest.mark.parametrize(("status", "remedy"), [(413, Remedy.SPLIT), (400, Remedy.SET_ASIDE), (422, Remedy.SET_ASIDE)])
def test_what_is_sent_wrong_is_for_the_caller(status: int, remedy: Remedy) -> None:
    with pytest.raises(InfluxError) as caught:
        patience(Clock()).run(failing(InfluxError(status, "no")))
    assert caught.value.remedy is remedy


def test_errors_are_read_whatever_their_form() -> None:
    assert error_of(422, b'{"code":"x","message":"partial write: dropped=12"}', {}).dropped == 12
    assert (
        error_of(502, b"<html>Bad gateway</html>", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}).retry_after_s
        is None
    )
    assert "Bad gateway" in str(error_of(502, b"<html>Bad gateway</html>", {}))
    assert error_of(500, b"", {}).text == "without a reason"


def test_closing_ends_a_wait() -> None:
    tried = Patience("InfluxDB", 60)
    tried.close()
    with pytest.raises(StoreUnavailableError):
        tried.run(failing(*[InfluxError(503, "busy")] * 99))
