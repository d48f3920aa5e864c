"""Why there is no connection, in words that say what to do."""

from __future__ import annotations

import errno
import socket
import ssl

_WORDS = {
    errno.ECONNREFUSED: "nobody listens on that port",
    errno.EHOSTUNREACH: "no way to that host: is it switched on, and in this network?",
    errno.ENETUNREACH: "no way to that network",
    errno.ETIMEDOUT: "that host does not answer",
    errno.ENOENT: "there is no such device",
    errno.EACCES: "this account may not open it; on Linux the group dialout may",
    errno.EBUSY: "another program has it open",
    errno.EAGAIN: "another program has it open",
    errno.EADDRINUSE: "another program listens on that port",
}


def why_not(error: Exception) -> str:
    """The reason of a connection that cannot be made; empty where the error says nothing."""
    if isinstance(error, socket.gaierror):
        return "no host has that name"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return _WORDS.get(_number(error), str(error))
    return str(error)


def _number(error: OSError) -> int:
    """The system's number; libraries wrap the error that has it."""
    cause = error.__cause__
    if error.errno is None and isinstance(cause, OSError):
        return _number(cause)
    return error.errno or 0
