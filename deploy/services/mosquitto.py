"""A real mosquitto on a port of its own; the one that Debian starts on 1883 is left alone.

It may be stopped, killed and started again with what it has kept.
"""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from pathlib import Path

from deploy.services.free_port import free_port

_READY_S = 20.0
# By default mosquitto drops all but 1,000 queued messages of an absent subscriber.
# Started by root it would give up root's rights, and then could not write where others may not even look.
_CONFIG = """user {user}
per_listener_settings false
persistence true
persistence_location {folder}/
autosave_interval 10
max_queued_messages 0
max_inflight_messages 1000
listener {port} 127.0.0.1
allow_anonymous true
"""


class MosquittoMissingError(RuntimeError):
    """There is no mosquitto, or it does not start; the message says which."""


class Mosquitto:
    """A broker of ours."""

    def __init__(self, folder: Path) -> None:
        """Start it and wait until it listens.

        Raises:
            MosquittoMissingError: it is not installed, or it ended at once.
        """
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise MosquittoMissingError("mosquitto is missing: apt-get install mosquitto")
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        config = folder / "mosquitto.conf"
        config.write_text(
            _CONFIG.format(user=getpass.getuser(), folder=folder.resolve(), port=self.port), encoding="utf-8"
        )
        self._command = [program, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, with what it has kept, and wait until it listens.

        Raises:
            MosquittoMissingError: it ended at once.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        deadline = time.monotonic() + _READY_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise MosquittoMissingError(f"mosquitto does not start: {self._log.read_text()[-400:]}")
            time.sleep(0.02)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"mqtt://127.0.0.1:{self.port}"

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, *, is_kill: bool = False) -> None:
        """End it; `is_kill`: at once, as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            (process.kill if is_kill else process.terminate)()
            process.wait(_READY_S)
