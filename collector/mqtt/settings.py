"""How to reach a broker."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

_WEEK_S = 7 * 86_400
_KEEPALIVE_RANGE_S = (1, 65_535)


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """One broker and how this collector presents itself to it.

    client_id         names the persistent session: stable across restarts, another one for each collector
    ca_file           who may have signed the broker's certificate; None: the system's authorities
    cert_file         with key_file: this client's own certificate, where the broker asks for one
    session_expiry_s  MQTT 5: how long the broker keeps messages for us while we are away
    is_persistent     False: the broker forgets us when we go, for one look at a meter
    silence_s         no message at all for that long: connect anew; None: three of the shortest period of the
                      meters, at least 5 min
    """

    host: str
    port: int
    client_id: str
    is_tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    keepalive_s: int = 30
    session_expiry_s: int = _WEEK_S
    is_persistent: bool = True
    silence_s: float | None = None

    def __post_init__(self) -> None:
        low, high = _KEEPALIVE_RANGE_S
        if not self.client_id:
            raise ValueError(f"{self.endpoint}: client_id is empty; a persistent session needs a name that stays")
        if self.protocol not in ("3.1.1", "5"):
            raise ValueError(f"{self.endpoint}: MQTT protocol {self.protocol!r}; allowed: 3.1.1, 5")
        if not low <= self.keepalive_s <= high:
            raise ValueError(f"{self.endpoint}: keepalive_s is {self.keepalive_s}; allowed: {low} to {high}")
        if self.password is not None and self.username is None:
            raise ValueError(f"{self.endpoint}: a password without a username")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError(f"{self.endpoint}: cert_file and key_file belong together")

    @property
    def endpoint(self) -> str:
        """The broker as connection strings name it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.is_tls else 'mqtt'}://{host}:{self.port}"

    def tls_context(self) -> ssl.SSLContext | None:
        """The TLS side, certificate and host name always checked; None without TLS.

        Raises:
            OSError, ssl.SSLError: a file cannot be read or used.
        """
        if not self.is_tls:
            return None
        context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context
