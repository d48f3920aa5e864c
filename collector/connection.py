"""Connection strings: how a meter is reached, in one line.

tcp://host:port              Modbus TCP, or the profile's protocol
tls://host:port              the same inside TLS
rtu:///dev/ttyUSB0?baud=9600&parity=N
rtu+tcp://host:port          Modbus RTU frames through a TCP socket
serial:///dev/ttyUSB0?baud=2400&parity=E
listen://host:port?id=...    modems that dial in; id is the word (or 0x.. the bytes) they register with
mqtt://host:port/topic       mqtts:// inside TLS

Meters that are asked also take gap_ms (least pause before a question) and timeout_ms (longest wait for an answer);
tls takes ca, cert and key (files); rtu+tcp and listen take the baud rate of the line behind, to know how long to wait.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

_SERIAL_OPTIONS = ("baud", "parity", "bits", "stop")
_PACE_OPTIONS = ("gap_ms", "timeout_ms")
_TLS_OPTIONS = ("ca", "cert", "key")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "tcp": _PACE_OPTIONS, "tls": (*_TLS_OPTIONS, *_PACE_OPTIONS), "rtu": (*_SERIAL_OPTIONS, *_PACE_OPTIONS),
    "rtu+tcp": (*_SERIAL_OPTIONS, *_PACE_OPTIONS), "serial": (*_SERIAL_OPTIONS, *_PACE_OPTIONS),
    "listen": ("id", *_SERIAL_OPTIONS, *_PACE_OPTIONS), "mqtt": (), "mqtts": (),
}  # fmt: skip
_LONGEST_MS = 60_000
_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_ON_A_DEVICE = ("rtu", "serial")
_FORMS = (
    "tcp://host:port, tls://host:port, rtu:///dev/ttyUSB0?baud=9600&parity=N, rtu+tcp://host:port, "
    "serial:///dev/ttyUSB0, listen://host:port?id=.., mqtt://host:port/topic, mqtts://host:port/topic"
)


class ConnectionTextError(ValueError):
    """A connection string that cannot be used; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A parsed connection string. `path` is the device of a serial line or the topic of a broker."""

    text: str
    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """The line itself, the same for all meters on it."""
        if self.scheme in _ON_A_DEVICE:
            return f"{self.scheme}://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        # Each modem that dials in is a line of its own, though they share a socket.
        modem = f"?id={self.options['id']}" if self.options.get("id") else ""
        return f"{self.scheme}://{host}:{self.port}{modem}"


def parse_connection(text: str) -> Connection:
    """The connection that a string names.

    Raises:
        ConnectionTextError: it is none of the forms, or a part is missing or not allowed.
    """
    scheme, mark, _ = text.partition("://")
    if not mark or scheme not in _OPTIONS:
        raise ConnectionTextError(f"connection {text!r} is none of: {_FORMS}")
    try:
        parts = urlsplit(text)
        port = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise ConnectionTextError(f"connection {text!r} cannot be read: {error}") from error
    if parts.username is not None or parts.password is not None:
        raise ConnectionTextError("accounts stand in the settings, never in a connection string")
    for key in options:
        if key not in _OPTIONS[scheme]:
            allowed = ", ".join(_OPTIONS[scheme]) or "none"
            raise ConnectionTextError(f"connection {text!r}: unknown option {key!r}; allowed: {allowed}")
    _check_options(text, options)
    if scheme in _ON_A_DEVICE:
        return _on_device(text, scheme, parts.path, options)
    # A topic keeps its '+' and '#': the fragment sign is a wildcard there.
    topic = parts.path + (f"#{parts.fragment}" if parts.fragment or text.endswith("#") else "")
    return _on_network(text, scheme, parts.hostname or "", port, topic, options)


def _on_device(text: str, scheme: str, path: str, options: Mapping[str, str]) -> Connection:
    if not path.startswith("/") or path == "/":
        raise ConnectionTextError(f"connection {text!r} names no device; for example {scheme}:///dev/ttyUSB0")
    return Connection(text, scheme, path=unquote(path), options=options)


def _check_options(text: str, options: Mapping[str, str]) -> None:
    for key, allowed in (("parity", ("N", "E", "O")), ("bits", ("7", "8")), ("stop", ("1", "2"))):
        if options.get(key, allowed[0]) not in allowed:
            raise ConnectionTextError(f"connection {text!r}: {key} is {options[key]!r}; allowed: {', '.join(allowed)}")
    baud = options.get("baud", "9600")
    if not baud.isdecimal() or int(baud) == 0:
        raise ConnectionTextError(f"connection {text!r}: baud is {baud!r}; allowed: a number such as 9600")
    for key in _PACE_OPTIONS:
        given = options.get(key, "1")
        if not given.isdecimal() or int(given) > _LONGEST_MS or (key == "timeout_ms" and int(given) == 0):
            raise ConnectionTextError(
                f"connection {text!r}: {key} is {given!r}; allowed: milliseconds, up to {_LONGEST_MS}"
            )
    modem = options.get("id", "")
    if modem.lower().startswith("0x") and not re.fullmatch(r"0[xX](?:[0-9a-fA-F]{2})+", modem):
        raise ConnectionTextError(f"connection {text!r}: id is {modem!r}; after 0x stand pairs of hex digits")
    if ("cert" in options) != ("key" in options):
        raise ConnectionTextError(f"connection {text!r}: cert and key go together")


def _on_network(
    text: str, scheme: str, host: str, port: int | None, path: str, options: Mapping[str, str]
) -> Connection:
    port = port or _DEFAULT_PORTS.get(scheme)
    if not host or not port:
        raise ConnectionTextError(f"connection {text!r} needs host and port, for example {scheme}://192.0.2.10:502")
    topic = unquote(path.removeprefix("/"))
    if topic and scheme not in _DEFAULT_PORTS:
        raise ConnectionTextError(f"connection {text!r}: nothing may follow the port")
    return Connection(text, scheme, host, port, topic, options)
