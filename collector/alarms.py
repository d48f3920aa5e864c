"""What meters say of themselves: alarms and status words into events, told once when they change."""

from __future__ import annotations

from collections.abc import Iterable

from collector.read_value import ReadValue

# Alarm of a meter, whatever the maker calls it: our code of it.
_CODES = {
    "leak": "leak", "leakage": "leak", "burst": "burst", "reverse": "reverse_flow", "backflow": "reverse_flow",
    "low_battery": "low_battery", "battery_low": "low_battery", "tamper": "tamper", "dry": "pipe_empty",
    "pipe_empty": "pipe_empty", "permanent_error": "permanent_error", "temporary_error": "temporary_error",
    "low_temperature": "low_temperature", "low_ambient_temperature": "low_temperature",
    "high_ambient_temperature": "high_temperature", "relay_open": "relay_open", "alarm": "alarm",
}  # fmt: skip
_STATES = ("valve_state", "status_hex", "running_state_word", "grid_state_word", "Error flags")
ON, OFF = "on", "off"


class Alarms:
    """The last word of each meter, so that an alarm that stays is told once."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], str] = {}

    def changes(self, meter: str, values: Iterable[ReadValue]) -> list[tuple[str, str]]:
        """(code, text) of what is new: an alarm that came or went, a status that is another.

        An alarm that has never been seen on is not told as off.
        """
        return [
            (code, text) for code, text in map(_said, values) if code and self._is_news(meter, code, text)
        ]  # fmt: skip

    def _is_news(self, meter: str, code: str, text: str) -> bool:
        before = self._last.get((meter, code))
        self._last[meter, code] = text
        return text != before and not (before is None and text == OFF)


def _said(value: ReadValue) -> tuple[str, str]:
    """(code, text) of a value that is an alarm or a status; ("", "") of any other."""
    if isinstance(value.value, bool):
        return _CODES.get(value.quantity, value.quantity), ON if value.value else OFF
    if value.quantity.startswith(_STATES):
        return value.quantity, str(value.value)
    if value.quantity.endswith("_alarm"):
        return value.quantity, str(value.value)
    return "", ""
