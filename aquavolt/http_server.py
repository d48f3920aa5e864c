"""The socket and the server of the services that have one, and who is let in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any

import uvicorn

from api.parts import Access, hash_token
from api.sign_in import SignInWays
from aquavolt.setup import ProgramError, Setup

# Pages and programs ask every few seconds. With uvicorn's 5 s each would connect, and over TLS shake hands, anew; and
# a request that meets the closing of its connection fails.
KEEP_ALIVE_S = 65


def access_of(setup: Setup) -> Access:
    """How the page lets people in."""
    token = setup.settings.token.get_secret_value() if setup.settings.token else None
    tokens = {"token": hash_token(token)} if token else {}
    return setup.access or Access(tokens=tokens, scopes=frozenset(setup.settings.token_scopes))


def ways_of(setup: Setup) -> SignInWays:
    """The providers at which people may sign in.

    Raises:
        ProgramError: their settings do not fit the site, or certificates cannot be read.
    """
    if not setup.settings.sign_in:
        return SignInWays()
    from aquavolt.sign_in.ways import open_ways  # noqa: PLC0415 - its libraries cost memory, and few sites need them

    return open_ways(setup.settings, setup.site)


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """A service's socket. `option`: how a user chooses another.

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
        text = f"cannot listen on {host}:{port} ({error.strerror}); choose another with {option}"
        raise ProgramError(text) from error
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
    times: dict[str, Any] = {"timeout_keep_alive": KEEP_ALIVE_S, "timeout_graceful_shutdown": 3}
    server = _Server(uvicorn.Config(app, log_config=None, **times, **settings))
    task = asyncio.create_task(server.serve([listening]), name="http")
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
