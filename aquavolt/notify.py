"""Words to systemd (sd_notify): one datagram each to the socket it names; nothing where there is none."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping

import structlog

_log = structlog.get_logger(__name__)


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Say `READY=1`, `STOPPING=1`, `WATCHDOG=1` or `STATUS=...`; whether anybody was there to hear it."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # a name in Linux's abstract space
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)  # a systemd that does not listen must not hold up the program
            sender.sendto(state.encode(), address)
    except OSError as error:
        _log.warning("systemd cannot be told", state=state, error=str(error))
        return False
    return True


def watchdog_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often to say `WATCHDOG=1`: half of what systemd allows; None where it does not ask."""
    period = environment.get("WATCHDOG_USEC", "")
    if not period.isdecimal() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(period) / 2_000_000


async def keep_alive(is_well: Callable[[], bool], environment: Mapping[str, str] = os.environ) -> None:
    """Tell the watchdog for as long as the event loop runs and the threads live; systemd restarts what does not."""
    period = watchdog_s(environment)
    while period is not None:
        if is_well():
            notify("WATCHDOG=1", environment)
        await asyncio.sleep(period)
