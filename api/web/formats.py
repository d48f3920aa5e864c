"""Numbers, times and money as people read them, in their language and the site's local time."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from babel import Locale
from babel.dates import format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from metering.batch import to_datetime

DASH = "–"
_LITRES_BELOW_M3 = 1.0
_MWH_ABOVE_KWH = 10_000.0
_TINY = 0.1


def _places(value: float) -> int:
    """Places after the point that leave three significant figures."""
    size = abs(value)
    if size >= 100 or value == int(value):  # noqa: PLR2004
        return 0
    return 1 if size >= 10 else 2  # noqa: PLR2004


class Formats:
    """How one language writes figures."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.locale = Locale.parse(language, sep="-")
        self.zone = zone

    def number(self, value: float | None, digits: int | None = None) -> str:
        """Three significant figures unless `digits` after the point are asked for; a dash for what is missing."""
        if value is None or not math.isfinite(value):
            return DASH
        places = "0" * (_places(value) if digits is None else digits)
        pattern = "#,##0." + places if places else "#,##0"
        if digits is None and abs(value) < _TINY:
            pattern = "#,##0.###"
        return format_decimal(value, format=pattern, locale=self.locale)

    def rate(self, value: float | None, medium: str) -> str:
        """`420 L/h`, `2.35 m³/h`, `3.20 kW`."""
        number, unit = self.rate_parts(value, medium)
        return f"{number} {unit}".strip()

    def rate_parts(self, value: float | None, medium: str) -> tuple[str, str]:
        """Figure and unit of a rate in m3/h or kW. Small flows are said in litres: people know a litre."""
        if value is None:
            return DASH, ""
        if medium in ("water", "gas"):
            small = medium == "water" and abs(value) < _LITRES_BELOW_M3
            return (self.number(value * 1000, 0), "L/h") if small else (self.number(value), "m³/h")
        return self.number(value), "kW"

    def amount(self, value: float | None, medium: str) -> str:
        """`31.2 m³`, `840 kWh`, `12.4 MWh`."""
        number, unit = self.amount_parts(value, medium)
        return f"{number} {unit}".strip()

    def amount_parts(self, value: float | None, medium: str) -> tuple[str, str]:
        """Figure and unit of an amount in m3 or kWh."""
        if value is None:
            return DASH, ""
        if medium == "water" and 0 < abs(value) < _LITRES_BELOW_M3:
            return self.number(value * 1000), "L"
        if medium in ("water", "gas"):
            return self.number(value), "m³"
        if abs(value) >= _MWH_ABOVE_KWH:
            return self.number(value / 1000, 1), "MWh"
        return self.number(value), "kWh"

    def money(self, value: float | None, currency: str) -> str:
        """`¥131`; cents only below 10."""
        if value is None:
            return DASH
        pattern = "¤#,##0" if abs(value) >= 10 else "¤#,##0.00"  # noqa: PLR2004
        text = format_currency(value, currency, locale=self.locale, currency_digits=False, format=pattern)
        return text.replace("CN¥", "¥")

    def percent(self, share: float | None) -> str:
        """`98.5%` of a share of 1."""
        if share is None or not math.isfinite(share):
            return DASH
        return format_percent(share, format="0%" if share in (0, 1) else "0.0%", locale=self.locale)

    def local(self, moment: datetime | np.datetime64) -> datetime:
        """The moment on the site's clock."""
        at = to_datetime(moment) if isinstance(moment, np.datetime64) else moment
        return at.astimezone(self.zone)

    def moment(self, moment: datetime | np.datetime64 | None) -> str:
        """`11月20日 02:15` / `Nov 20, 02:15`."""
        if moment is None:
            return DASH
        return f"{self.day(moment)} {self.clock(moment)}"

    def day(self, moment: datetime | np.datetime64) -> str:
        """`11月20日` / `Nov 20`."""
        return format_skeleton("MMMd", self.local(moment), tzinfo=self.zone, locale=self.locale)

    def full(self, moment: datetime | np.datetime64) -> str:
        """`2026年11月20日 02:15` / `Nov 20, 2026 02:15`."""
        day = format_skeleton("yMMMd", self.local(moment), tzinfo=self.zone, locale=self.locale)
        return f"{day} {self.clock(moment)}"

    def date(self, day: date) -> str:
        """`11月20日` / `Nov 20`, of a day of the site's calendar."""
        return format_skeleton("MMMd", datetime.combine(day, time()), tzinfo=None, locale=self.locale)

    def clock(self, moment: datetime | np.datetime64) -> str:
        """`02:15`."""
        return f"{self.local(moment):%H:%M}"

    def span(self, length: timedelta) -> str:
        """`3 天 4 小时` / `3 d 4 h`: the two greatest units."""
        minutes = max(0, int(length.total_seconds() // 60))
        days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
        day, hour, minute = ("天", "小时", "分钟") if self.locale.language == "zh" else ("d", "h", "min")
        if days:
            return f"{days} {day} {hours} {hour}" if hours else f"{days} {day}"
        if hours:
            return f"{hours} {hour} {minutes} {minute}" if minutes else f"{hours} {hour}"
        return f"{minutes} {minute}"

    def age(self, seconds: float | None) -> str:
        """`12 s`, else as `span`."""
        if seconds is None:
            return DASH
        if seconds < 60:  # noqa: PLR2004
            return f"{int(seconds)} 秒" if self.locale.language == "zh" else f"{int(seconds)} s"
        return self.span(timedelta(seconds=seconds))

    def size(self, count: float) -> str:
        """`3.4 MB`."""
        for unit in ("B", "kB", "MB"):
            if count < 1000:  # noqa: PLR2004
                return f"{self.number(count, 0 if unit == 'B' else 1)} {unit}"
            count /= 1000
        return f"{self.number(count, 1)} GB"
