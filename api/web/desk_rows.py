"""The lines of the desk. Two hundred readers look at the same ones, so each is written once a minute and language."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from alerts.losses import loss_until
from alerts.users.roles import Permission
from alerts.values import Alert
from api.alerts.document import loss_money
from api.alerts.evidence import joined_rules
from api.parts import ApiParts
from api.web.charts import Sparkline
from api.web.curves import recent_curves
from api.web.rendering import Reader, Rendering
from metering.incident import Category
from metering.site import Site

_MOST = 5000
_FRESH = timedelta(minutes=1)  # times go by in minutes, and losses grow


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. `money` is an estimate."""

    alert: Alert
    title: str
    place: str
    path: tuple[str, ...]
    age: timedelta
    loss: float | None
    money: float | None
    spark: Sparkline | None

    @property
    def is_judged(self) -> bool:
        """See `is_judged`."""
        return is_judged(self.alert)


def is_judged(alert: Alert) -> bool:
    """Whether use there is judged while the alert is open: a low battery or an open cover makes no reading wrong."""
    return alert.category is not Category.DATA_QUALITY or set(joined_rules(alert)) == {"reported_fault"}


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands for a reader's own in a shared line; nobody can write it into an alert, for nobody knows it."""

    csrf: str
    here: str


class DeskRows:
    """Writes lines, and keeps what was written within the last minute. Thread-safe."""

    def __init__(self, parts: ApiParts, pages: Rendering) -> None:
        self._parts = parts
        self._pages = pages
        self._marks = Marks(secrets.token_hex(16), secrets.token_hex(16))
        self._lock = threading.Lock()
        self._site: Site | None = None
        self._kept: OrderedDict[Hashable, tuple[datetime, Markup]] = OrderedDict()

    def write(self, alerts: Sequence[Alert], reader: Reader, here: str) -> tuple[Markup, ...]:
        """The lines of these alerts, for this reader; `here` is where acting on one leads back to."""
        can_handle = reader.user.may(Permission.ALERTS_HANDLE)
        keys = {a.id: self._key(a, reader, can_handle=can_handle) for a in alerts}
        known = self._known(keys)
        missing = [a for a in alerts if a.id not in known]
        curves = recent_curves(missing, self._parts, reader.site) if missing else {}
        for alert in missing:
            row = row_of(alert, self._parts, reader, curves.get(alert.id))
            known[alert.id] = self._pages.part(
                "desk_row.html", reader, row=row, can_handle=can_handle, marks=self._marks
            )
        self._keep({keys[a.id]: known[a.id] for a in missing})
        own = self._owner(reader, here)
        return tuple(own(known[a.id]) for a in alerts)

    @staticmethod
    def _key(alert: Alert, reader: Reader, *, can_handle: bool) -> Hashable:
        return (
            alert.id,
            alert.version,
            alert.updated_at,
            alert.breaches,
            reader.language,
            can_handle,
            reader.reach.nodes,
        )

    def _known(self, keys: dict[str, Hashable]) -> dict[str, Markup]:
        site, now = self._parts.site(), self._parts.now()
        with self._lock:
            if site is not self._site:
                self._site = site
                self._kept.clear()
            found = {alert_id: self._kept.get(key) for alert_id, key in keys.items()}
        return {alert_id: kept[1] for alert_id, kept in found.items() if kept and abs(now - kept[0]) < _FRESH}

    def _keep(self, written: dict[Hashable, Markup]) -> None:
        now = self._parts.now()
        with self._lock:
            self._kept.update((key, (now, html)) for key, html in written.items())
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def _owner(self, reader: Reader, here: str) -> Callable[[Markup], Markup]:
        csrf, back = str(escape(reader.user.csrf)), str(escape(here))

        def own(html: Markup) -> Markup:
            return Markup(str(html).replace(self._marks.csrf, csrf).replace(self._marks.here, back))  # noqa: S704

        return own


def row_of(alert: Alert, parts: ApiParts, reader: Reader, spark: Sparkline | None = None) -> Row:
    """The line of an alert, its loss counted up to now."""
    loss = loss_until(alert, parts.now())
    money = loss_money(alert.medium, loss, parts.prices)
    path = reader.site.place_path(alert.node) if alert.node in reader.site.nodes else (alert.node,)
    return Row(
        alert=alert,
        title=reader.wording.title(alert),
        place=reader.wording.place_name(alert.node),
        path=path,
        age=(alert.closed_at or parts.now()) - alert.onset_at,
        loss=loss,
        money=money["amount"] if money and loss else None,
        spark=spark,
    )
