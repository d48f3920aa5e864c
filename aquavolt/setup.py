"""What every service is made from, and the socket and server that those with a page have."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import uvicorn

from api.parts import Access, hash_token
from aquavolt.channels.kinds import OpenChannel
from aquavolt.clock import utc_ms
from aquavolt.config.settings import Settings
from collector.journal_limits import JournalLimits
from metering.entries import Entry
from metering.site import Site
from rules.settings import RulesSettings


class ProgramError(RuntimeError):
    """The program cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a program is made from.

    access      none: bearer tokens as the settings say
    is_history  entries whose alerts nobody is told of one by one (see `JudgeParts`)
    now         the clock: UTC, datetime64[ms]
    """

    settings: Settings
    site: Site
    rules: RulesSettings
    access: Access | None = None
    channels: Sequence[OpenChannel] = ()
    is_history: Callable[[Entry], bool] = lambda _: False
    now: Callable[[], np.datetime64] = utc_ms


def access_of(setup: Setup) -> Access:
    """How the page lets people in."""
    token = setup.settings.token.get_secret_value() if setup.settings.token else None
    return setup.access or Access(tokens={"token": hash_token(token)} if token else {})


def limits_of(settings: Settings) -> JournalLimits:
    """The bounds of a journal."""
    journal = settings.journal
    return JournalLimits(cap_bytes=journal.cap_mb << 20, free_floor_bytes=journal.free_disk_floor_mb << 20)


def listen(host: str, port: int) -> socket.socket:
    """The page's socket.

    Raises:
        ProgramError: the port is in use, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen()  # from here on the port is ours; who comes early waits for the first answer
    except OSError as error:
        found.close()
        raise ProgramError(f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port") from error
    return found


class _Server(uvicorn.Server):
    """Signals are the program's own matter: it ends its parts in order, the server among them."""

    @contextmanager
    def capture_signals(self) -> Any:
        with nullcontext():
            yield


@asynccontextmanager
async def serving(app: Any, listening: socket.socket, **settings: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Serve the application on the socket; at the end answers that are under way are finished."""
    server = _Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=3, **settings))
    task = asyncio.create_task(server.serve([listening]), name="http")
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


async def until_first(*tasks: asyncio.Task[Any]) -> None:
    """Wait until one of the tasks ends, and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    """End the tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
