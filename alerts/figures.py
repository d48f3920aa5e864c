"""Figures as people read them: litres per hour, kilowatts, cubic metres, local times, durations."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.words import Language

LITRES_PER_M3 = 1000
_RATE_UNITS = {"water": "m³/h", "gas": "m³/h", "electricity": "kW", "heat": "kW"}
_TOTAL_UNITS = {"water": "m³", "gas": "m³", "electricity": "kWh", "heat": "kWh"}


def number_text(value: float, digits: int = 3) -> str:
    """The number with so many significant digits, never in powers of ten: 0.0123, 8.6, 1,240."""
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, places):,.{max(0, places)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rate_text(rate: float, medium: str, language: Language) -> str:
    """A rate in m3/h or kW: water in litres per hour, as people think of leaks."""
    if medium == "water":
        unit = "升/小时" if language is Language.ZH_CN else "litres per hour"
        return f"{number_text(rate * LITRES_PER_M3)} {unit}"
    return f"{number_text(rate)} {_RATE_UNITS.get(medium, '')}".rstrip()


def total_text(total: float, medium: str) -> str:
    """An amount in m3 or kWh."""
    return f"{number_text(total)} {_TOTAL_UNITS.get(medium, '')}".rstrip()


def time_text(moment: datetime, zone: ZoneInfo) -> str:
    """The moment on the site's clock, to the minute."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def duration_text(duration: timedelta, language: Language) -> str:
    """The two largest units: 1 day 3 h, 2 h 15 min, 40 min."""
    minutes = max(0, int(duration.total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = ("天", "小时", "分钟") if language is Language.ZH_CN else ("d", "h", "min")
    parts = [f"{n} {unit}" for n, unit in zip((days, hours, rest), units, strict=True)]
    first = 0 if days else 1 if hours else 2
    shown = parts[first : first + 2]
    return " ".join(p for p in shown if not p.startswith("0 ")) or parts[2]
