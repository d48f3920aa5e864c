"""The owner's side of `aquavolt.sock`: other processes ask, the process that holds the store answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from aquavolt.stores.calls import CALLS, OwnedParts, OwnedStore
from aquavolt.stores.lock import SOCKET_FILE, socket_address
from aquavolt.stores.protocol import ProtocolError, Reply, Request, receive, send
from metering.batch import ReadingBatch
from metering.ports import StoreUnavailableError

_log = structlog.get_logger(__name__)


class StoreServer:
    """Answers on the data folder's socket, each client on a thread of its own.

    The caller holds the folder's `DataLock`: a socket file that is there is then a dead process's and is replaced.
    `submit` takes readings that a client wants taken (into the journal); None where the owner takes none.
    """

    def __init__(self, folder: Path, store: OwnedStore, submit: Callable[[ReadingBatch], None] | None = None) -> None:
        self._folder = folder
        self._parts = OwnedParts(store, submit)
        self._listening: socket.socket | None = None
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Listen from now on; only this user may connect.

        Raises:
            OSError: the socket cannot be made.
        """
        (self._folder / SOCKET_FILE).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with socket_address(self._folder) as address:
                listening.bind(address)
            (self._folder / SOCKET_FILE).chmod(0o600)
            listening.listen()
        except OSError:
            listening.close()
            raise
        self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), name="store-socket", daemon=True).start()

    def stop(self) -> None:
        """Hang up on every client and answer no more."""
        with self._lock:
            listening, self._listening = self._listening, None
            clients = list(self._clients)
        if listening is None:
            return
        (self._folder / SOCKET_FILE).unlink(missing_ok=True)
        for connection in (listening, *clients):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        listening.close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return  # `stop` closed it
            with self._lock:
                if self._listening is None:
                    client.close()
                    return
                self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), name="store-client", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                while (message := receive(client, Request)) is not None:
                    self._answer(client, *message)
        except ProtocolError as error:
            _log.warning("a client of the store's socket was hung up on", reason=str(error))
        except OSError:
            pass  # it hung up; what it asked for is of no use to anybody else
        finally:
            with self._lock:
                self._clients.discard(client)

    def _answer(self, client: socket.socket, request: Request, bodies: list[bytes]) -> None:
        call = CALLS.get(request.call)
        if call is None:
            send(client, Reply(f"no call {request.call!r}; there are: {', '.join(CALLS)}", error="protocol"))
            return
        try:
            result, answer = call(self._parts, request.arguments, bodies)
        except ValueError as error:
            send(client, Reply(str(error), error="value"))
        except StoreUnavailableError as error:
            send(client, Reply(str(error), error="unavailable"))
        except ProtocolError as error:
            send(client, Reply(str(error), error="protocol"))
        except Exception as error:  # noqa: BLE001
            # A fault of ours must not leave the client waiting, nor end the thread without a word.
            _log.exception("a call on the store's socket failed", call=request.call)
            send(client, Reply(f"{type(error).__name__}: {error}", error="failed"))
        else:
            send(client, Reply(result), answer)
