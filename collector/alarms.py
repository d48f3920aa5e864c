"""What meters say of themselves: alarms and status words into events, told once when they change.

Codes are those of `metering.meter_alarms`; a status word keeps its protocol's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from collector.read_value import ReadValue
from metering.meter_alarms import OFF, ON

# What decoders and makers' codecs call it: our code of it.
_CODES = {
    "leakage": "leak", "water_leak": "leak", "leak_detected": "leak", "leakage_alarm": "leak", "leak_alarm": "leak",
    "pipe_burst": "burst", "burst_alarm": "burst",
    "reverse": "reverse_flow", "backflow": "reverse_flow", "back_flow": "reverse_flow", "reverse_alarm": "reverse_flow",
    "battery_low": "low_battery", "battery_alarm": "low_battery", "low_battery_alarm": "low_battery",
    "tamper_alarm": "tamper", "magnetic_tamper": "tamper", "case_open": "cover_open", "cover_opened": "cover_open",
    "dry": "pipe_empty", "empty_pipe": "pipe_empty", "low_ambient_temperature": "low_temperature",
    "high_ambient_temperature": "high_temperature",
}  # fmt: skip
# Values that are words, not truths: what each word of them means as an alarm.
_WORDS = {"valve_state": {"fault": {"valve_fault": ON}, "open": {"valve_fault": OFF}, "closed": {"valve_fault": OFF}}}
_STATES = ("valve_state", "status_hex", "running_state_word", "grid_state_word", "Error flags")
# Bits of a status word that are alarms: DL/T 645-2007 annex C, word 1, the clock's battery and the one for reading.
_BITS = {"running_state_word_1": {2: "low_battery", 3: "low_battery"}}
# Alarms that a protocol's every answer states, but names only when they are on.
_UNSAID_IS_OFF = {"mbus": ("low_battery", "permanent_error", "temporary_error")}
_NONE_RAISED = {"none", "00", "0", ""}
_OVER = "release"
_NOW = datetime(9999, 1, 1)  # noqa: DTZ001 - only an order, among times without an offset


class Alarms:
    """The last word of each meter, so that an alarm that stays is told once.

    The first word is always told, on or off: what was on before a restart may have ended in between.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], str] = {}

    def changes(self, meter: str, values: Sequence[ReadValue], protocol: str = "") -> list[tuple[str, str]]:
        """(code, text) of what is new: an alarm that came or went, a status that is another.

        `values` are all of one answer or message; of several moments the newest counts.
        """
        said: dict[str, str] = {}
        for value in sorted(values, key=_age):
            said |= _said(value)
        for code in _UNSAID_IS_OFF.get(protocol, ()) if values else ():
            said.setdefault(code, OFF)
        return [(code, text) for code, text in said.items() if self._is_news(meter, code, text)]

    def is_known(self, meter: str, code: str, *, is_on: bool) -> bool:
        """Whether this is what was said of the alarm last."""
        return self._last.get((meter, code)) == (ON if is_on else OFF)

    def forget(self, meters: Iterable[str]) -> None:
        """These meters' words were not taken: what they say next is news."""
        gone = set(meters)
        self._last = {key: text for key, text in self._last.items() if key[0] not in gone}

    def _is_news(self, meter: str, code: str, text: str) -> bool:
        before = self._last.get((meter, code))
        self._last[meter, code] = text
        return text != before


def _age(value: ReadValue) -> tuple[datetime, bool]:
    """The value's own time (now, without one). Of one moment, what is on comes last and wins."""
    time = _NOW if value.time is None else value.time.replace(tzinfo=None)
    return time, ON in _said(value).values()


def _said(value: ReadValue) -> dict[str, str]:
    """Code and text of a value that is an alarm or a status; nothing of any other."""
    name, stated = value.quantity, value.value
    if isinstance(stated, bool):
        return {_CODES.get(name, name): ON if stated else OFF}
    said = dict(_WORDS.get(name, {}).get(str(stated), {}))
    if name.startswith(_STATES):
        said |= {name: str(stated), **_bits(name, str(stated))}
    elif name.endswith("_alarm"):
        is_over = str(stated).lower() in _NONE_RAISED or all(w.endswith(_OVER) for w in str(stated).split(", "))
        said |= {"alarm": OFF if is_over else ON, name: str(stated)}
    return said


def _bits(name: str, text: str) -> dict[str, str]:
    """The alarms in a status word such as 0x0004; a code of several bits is on if one of them is set."""
    codes = _BITS.get(name, {})
    word = int(text, 16) if codes else 0
    on = {code for bit, code in codes.items() if word >> bit & 1}
    return {code: ON if code in on else OFF for code in codes.values()}
