"""How many requests an account may make: a bucket each for reading and for writing, refilled steadily. In memory."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.parts import Rate, RateLimits, User
from api.problems import Answer, Problem

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# What meters send is not asked to wait: it would be lost. The stream is one request for hours.
UNLIMITED_PATHS = frozenset({"/api/v1/readings", "/api/v1/stream", "/healthz", "/readyz", "/metrics"})
_MOST_ACCOUNTS = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(slots=True)
class Buckets:
    """The buckets of every account. Thread-safe."""

    limits: RateLimits = field(default_factory=RateLimits)
    monotonic: Callable[[], float] = time.monotonic
    _buckets: dict[tuple[str, bool], _Bucket] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def take(self, account: str, *, is_reading: bool) -> tuple[Rate, float]:
        """One request of the account: its rate, and what is left after it; below 0 it is one too many."""
        rate, now = self.limits.reading if is_reading else self.limits.writing, self.monotonic()
        with self._lock:
            bucket = self._buckets.get((account, is_reading))
            if bucket is None:
                self._make_room(now)
                bucket = self._buckets[account, is_reading] = _Bucket(float(rate.burst), now)
            bucket.left = min(float(rate.burst), bucket.left + max(0.0, now - bucket.at) * rate.per_s)
            bucket.at = now
            if bucket.left < 1.0:
                return rate, bucket.left - 1.0
            bucket.left -= 1.0
            return rate, bucket.left

    def wait_s(self, account: str, *, is_reading: bool) -> int:
        """Whole seconds until one request more would be let through, 0: now. Takes none."""
        rate, now = self.limits.reading if is_reading else self.limits.writing, self.monotonic()
        with self._lock:
            bucket = self._buckets.get((account, is_reading))
            left = float(rate.burst) if bucket is None else bucket.left + max(0.0, now - bucket.at) * rate.per_s
        return max(0, math.ceil((1.0 - left) / rate.per_s))

    def _make_room(self, now: float) -> None:
        """A full bucket says nothing that a new one would not: those that are full by now are dropped."""
        if len(self._buckets) < _MOST_ACCOUNTS:
            return
        full = [k for k, b in self._buckets.items() if self._is_full(b, now, is_reading=k[1])]
        for key in full or [min(self._buckets, key=lambda k: self._buckets[k].at)]:
            del self._buckets[key]

    def _is_full(self, bucket: _Bucket, now: float, *, is_reading: bool) -> bool:
        rate = self.limits.reading if is_reading else self.limits.writing
        return bucket.left + (now - bucket.at) * rate.per_s >= rate.burst


class RateLimitLayer:
    """ASGI middleware behind the sign-in: too many requests of an account are answered 429 with Retry-After.

    The demo's one account, on this machine alone, is not limited.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits, answer: Answer) -> None:
        self._app = app
        self._buckets = Buckets(limits)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through and says what is left, or answers 429."""
        user = scope.get("state", {}).get("user")
        if scope["type"] != "http" or not isinstance(user, User) or user.is_demo or scope["path"] in UNLIMITED_PATHS:
            await self._app(scope, receive, send)
            return
        rate, left = self._buckets.take(user.name, is_reading=scope["method"] in _READING)
        if left < 0:
            request = Request(scope, receive)
            await self._answer(request, _too_many(rate, left))(scope, receive, send)
            return

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_counted(rate, left)]
            await send(message)

        await self._app(scope, receive, send_counted)


def _counted(rate: Rate, left: float) -> list[tuple[bytes, bytes]]:
    said = {"X-RateLimit-Limit": rate.burst, "X-RateLimit-Remaining": max(0, math.floor(left))}
    return [(name.lower().encode(), str(value).encode()) for name, value in said.items()]


def _too_many(rate: Rate, left: float) -> Problem:
    wait_s = max(1, math.ceil(-left / rate.per_s))
    return Problem(
        429,
        f"This account asks too often: {rate.burst} requests at once and {rate.per_s:g} a second are answered. "
        f"Try again in {wait_s} s.",
        headers={"Retry-After": str(wait_s), "X-RateLimit-Limit": str(rate.burst), "X-RateLimit-Remaining": "0"},
    )
