"""How fast a line is: what the connection string says, else the factory setting of the meter."""

from __future__ import annotations

from dataclasses import dataclass

from collector.connection import Connection
from collector.modbus.framing import answer_size
from device_profiles.schema import Serial

_REQUEST_SIZE = 8
_SILENCE_CHARS, _FAST_BAUD, _FAST_SILENCE_S = 3.5, 19_200, 0.00175
_OF_OUR_OWN = ("rtu", "serial")
# A mobile network takes a second or two at bad times.
_MODEM_S = 5.0


@dataclass(frozen=True, slots=True)
class LineTiming:
    """Settings of a line and the times that follow from them; seconds.

    is_paced  bytes take their time on the wire (RTU); a gap of silence parts frames
    """

    baud: int = 9600
    parity: str = "N"
    bits: int = 8
    stop: int = 1
    is_paced: bool = True
    gap_s: float = 0.0
    timeout_s: float | None = None

    @property
    def char_s(self) -> float:
        """Time of one character: start bit, data, parity, stop."""
        return (1 + self.bits + (self.parity != "N") + self.stop) / self.baud

    def wire_s(self, count: int) -> float:
        """What question and answer for so many registers take on the wire alone."""
        return (_REQUEST_SIZE + answer_size(count)) * self.char_s if self.is_paced else 0.0

    @property
    def silence_s(self) -> float:
        """The least pause before a question: 3.5 characters in RTU, or more where the connection says so."""
        if not self.is_paced:
            return self.gap_s
        silence = _FAST_SILENCE_S if self.baud > _FAST_BAUD else _SILENCE_CHARS * self.char_s
        return max(silence, self.gap_s)


def line_timing(connection: Connection, factory: Serial) -> LineTiming:
    """The timing of a connection. A serial port of ours has the profile's factory settings where the string is silent.

    Behind a gateway or a modem the line's rate only matters for how long to wait: 9600 baud where nothing is said.
    """
    options = connection.options
    gap_s = float(options.get("gap_ms", 0)) / 1000
    timeout_s = float(options["timeout_ms"]) / 1000 if "timeout_ms" in options else None
    if connection.scheme in ("tcp", "tls"):
        return LineTiming(is_paced=False, gap_s=gap_s, timeout_s=timeout_s)
    silent = factory if connection.scheme in _OF_OUR_OWN else Serial()
    return LineTiming(
        baud=int(options.get("baud", silent.baud)),
        parity=options.get("parity", silent.parity),
        bits=int(options.get("bits", silent.bits)),
        stop=int(options.get("stop", silent.stop)),
        gap_s=gap_s,
        timeout_s=timeout_s if timeout_s is not None else _MODEM_S if connection.scheme == "listen" else None,
    )
