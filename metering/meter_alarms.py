"""What a meter may say of itself, as codes of `MeterEvent`: one fixed list, whatever protocol and maker.

An event with one of these codes has the text ON or OFF. Events with other codes are words of a protocol (status words,
the valve's position), kept for people to look at; no rule reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ON, OFF = "on", "off"


class AlarmKind(StrEnum):
    """What has to be done about it."""

    LEAK = "leak"  # water is lost behind the meter
    FAULT = "fault"  # the meter may count wrong, or somebody was at it
    UPKEEP = "upkeep"  # it counts right yet, and needs a hand
    STATE = "state"  # good to know, nothing to do


@dataclass(frozen=True, slots=True)
class MeterAlarm:
    """One code, its meaning in English, and who states it."""

    code: str
    kind: AlarmKind
    meaning: str
    source: str


_LEAK, _FAULT, _UPKEEP, _STATE = AlarmKind.LEAK, AlarmKind.FAULT, AlarmKind.UPKEEP, AlarmKind.STATE

METER_ALARMS: tuple[MeterAlarm, ...] = (
    MeterAlarm("burst", _LEAK, "a flow far above the usual: a burst pipe", "Kamstrup info bits, Axioma status A0"),
    MeterAlarm("leak", _LEAK, "water has not stopped running for a day", "Kamstrup info bits, Axioma status 20"),
    MeterAlarm("reverse_flow", _FAULT, "water flows backwards", "Kamstrup info bits, Axioma status 60"),
    MeterAlarm("pipe_empty", _FAULT, "no water in the pipe", "Kamstrup info bits (dry), Axioma status 10, TUF-2000M"),
    MeterAlarm("tamper", _FAULT, "somebody tampers with the meter", "Kamstrup info bits, Zigbee tamper"),
    MeterAlarm("cover_open", _FAULT, "its cover is open", "decoded payloads"),
    MeterAlarm("permanent_error", _FAULT, "a fault of the meter's own that stays", "M-Bus and Axioma status bit 3"),
    MeterAlarm("valve_fault", _FAULT, "its valve does not obey", "CJ/T 188 status bits 0 and 1 = 11"),
    MeterAlarm("low_temperature", _FAULT, "near freezing", "Kamstrup info bits, Axioma status 80"),
    MeterAlarm("alarm", _FAULT, "an alarm that it does not explain", "Dragino SW3L, decoded payloads"),
    MeterAlarm("low_battery", _UPKEEP, "its battery is low", "CJ/T 188, M-Bus and Axioma status bit 2, Kamstrup"),
    MeterAlarm("clock_wrong", _UPKEEP, "its clock is wrong", "the collector, comparing it with its own clock"),
    MeterAlarm("temporary_error", _UPKEEP, "a fault of its own that may pass", "M-Bus and Axioma status bit 4"),
    MeterAlarm("high_temperature", _UPKEEP, "it is hot around it", "Kamstrup info bits"),
    MeterAlarm("relay_open", _STATE, "its relay is open: no supply", "DL/T 645-2007 status word 3, bit 4"),
)
"""The codes, the most pressing first."""

BY_ALARM_CODE: dict[str, MeterAlarm] = {alarm.code: alarm for alarm in METER_ALARMS}
