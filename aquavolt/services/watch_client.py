"""`serve`'s line to `watch`: its state now and then, its live events as they come, and readings that people post."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus

import httpx
import msgspec
import structlog

from alerts.platform.values import PLATFORM
from alerts.sender import ChannelStatus
from api.parts import Readiness
from api.problems import Problem
from api.stream import EventStream
from aquavolt.config.settings import WatchSettings
from aquavolt.pushing.link import headers_of, trust_of
from aquavolt.pushing.wire import Refusal, WatchState, WireError, from_json
from metering.batch import ReadingBatch
from metering.entries import encode_entry
from metering.health import ConnectionHealth, HealthReport

_LOOK_S = 2.0
_AGAIN_S = 1.0
_QUIET_S = 45.0  # the stream says something at least every 15 s
_log = structlog.get_logger(__name__)


class WatchClient:
    """Follows `watch`; what it said last stays while it does not answer, and its silence is told."""

    def __init__(self, settings: WatchSettings, stream: EventStream) -> None:
        """Raises: OSError, the certificates to trust cannot be read."""
        self._url = settings.url.rstrip("/")
        self._stream = stream
        self._client = httpx.AsyncClient(
            base_url=self._url,
            headers=headers_of(settings.token.get_secret_value()),
            timeout=httpx.Timeout(10.0, connect=5.0),
            verify=trust_of(self._url, settings.ca_file),
            trust_env=False,
        )
        self._state: WatchState | None = None
        self._error = "it was not asked yet"
        self._has_streamed = False

    def readiness(self) -> Readiness:
        """Whether history is judged, as `watch` said last."""
        if (state := self._state) is None:
            return Readiness(False, None, f"`aquavolt watch` at {self._url} does not answer: {self._error}")
        return Readiness(state.is_ready, state.progress, state.detail)

    def health(self, empty: HealthReport) -> HealthReport:
        """How collecting goes, as `watch` said last, and whether it still says it."""
        report = empty if self._state is None else self._state.health
        line = ConnectionHealth(f"watch {self._url}", "failed" if self._error else "connected", last_error=self._error)
        return replace(report, connections=(line, *report.connections))

    def platform_status(self) -> ChannelStatus:
        """How `watch` sends to the repair platform; while it does not answer, nobody sends."""
        if self._error or self._state is None:
            error = f"`aquavolt watch`, which sends, does not answer: {self._error}"
            return ChannelStatus(PLATFORM, 1, error)
        return self._state.platform or ChannelStatus(PLATFORM)

    async def submit(self, batch: ReadingBatch) -> None:
        """Have `watch` take these readings; durable there when this returns.

        Raises:
            Problem: 503, it cannot take them now.
        """
        try:
            answer = await self._client.post("/readings", content=encode_entry(batch))
        except httpx.HTTPError as error:
            raise _busy(f"it does not answer: {type(error).__name__}") from error
        if answer.status_code != HTTPStatus.NO_CONTENT:
            raise _busy(_text_of(answer))

    async def follow(self) -> None:
        """Keep up with it, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_state())
                tasks.create_task(self._follow_stream())
        finally:
            await self._client.aclose()

    async def _follow_state(self) -> None:
        while True:
            try:
                answer = await self._client.get("/state")
                if answer.status_code != HTTPStatus.OK:
                    raise WireError(_text_of(answer))
                self._state = from_json(WatchState, answer.content)
            except (httpx.HTTPError, WireError) as error:
                self._fail(f"{type(error).__name__}: {error}" if isinstance(error, httpx.HTTPError) else str(error))
            else:
                self._error = ""
            await asyncio.sleep(_LOOK_S)

    def _fail(self, error: str) -> None:
        if error != self._error:
            _log.warning("watch does not answer", watch=self._url, error=error)
        self._error = error

    async def _follow_stream(self) -> None:
        last = ""
        while True:
            try:
                async for event_id, data in self._events(last):
                    last = event_id
                    self._stream.publish(msgspec.json.decode(data, type=dict))
            except (httpx.HTTPError, msgspec.DecodeError) as error:
                _log.debug("the live stream broke off", error=str(error))
            await asyncio.sleep(_AGAIN_S)

    async def _events(self, last: str) -> AsyncIterator[tuple[str, str]]:
        """(id, data) of each event after `last`."""
        headers = {"Last-Event-ID": last} if last else {}
        timeout = httpx.Timeout(_QUIET_S, connect=5.0)
        async with self._client.stream("GET", "/stream", headers=headers, timeout=timeout) as answer:
            if answer.status_code != HTTPStatus.OK:
                return
            if self._has_streamed and not last:  # something may have come meanwhile; with a place it is told us
                yield "", '{"type": "reset"}'
            self._has_streamed = True
            event_id = ""
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    event_id = value
                elif name == "data":
                    yield event_id, value


def _busy(reason: str) -> Problem:
    return Problem(503, f"`aquavolt watch` cannot take readings now: {reason}", headers={"Retry-After": "5"})


def _text_of(answer: httpx.Response) -> str:
    try:
        return from_json(Refusal, answer.content).error
    except WireError:
        return f"it answers {answer.status_code}"
