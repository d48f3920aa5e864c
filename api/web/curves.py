"""The last seven days of many alerts' meters, as small curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from alerts.values import Alert
from api.alerts.series import Source, source_of
from api.parts import ApiParts
from api.web.charts import Sparkline, sparkline
from metering.batch import to_ms
from metering.ports import IntervalStore, StoreUnavailableError
from metering.site import Site
from metering.windows import GRID_MS

_WINDOWS = 56  # of three hours: a week
_WINDOW = np.timedelta64(12 * GRID_MS, "ms")


def recent_curves(alerts: Sequence[Alert], parts: ApiParts, site: Site) -> dict[str, Sparkline]:
    """The last seven days of each alert's meters, by three hours; none where the store cannot answer."""
    end = to_ms(parts.now()).astype("datetime64[h]").astype("datetime64[ms]")
    edges = end - np.arange(_WINDOWS, -1, -1) * _WINDOW
    sources = {a.id: source_of(a, site) for a in alerts}
    try:
        usage = _usage_by_meter(parts.intervals, sources.values(), edges)
    except StoreUnavailableError:
        return {}
    found = {}
    for alert in alerts:
        source = sources[alert.id]
        values = sum((usage[m, source.quantity] for m in source.meters), np.zeros(_WINDOWS))
        values = values - sum((usage[m, source.quantity] for m in source.minus), np.zeros(_WINDOWS))
        span = (edges[-1] - edges[0]) / _WINDOW
        first = float((to_ms(alert.onset_at) - edges[0]) / _WINDOW) / span
        last = 1.0 if alert.closed_at is None else float((to_ms(alert.closed_at) - edges[0]) / _WINDOW) / span
        curve = sparkline(values, (first, last)) if source.meters else None
        if curve is not None:
            found[alert.id] = curve
    return found


def _usage_by_meter(
    store: IntervalStore, sources: Iterable[Source], edges: np.ndarray[tuple[int], np.dtype[np.datetime64]]
) -> dict[tuple[str, str], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Use of every meter any source names: one query a quantity."""
    wanted: dict[str, dict[str, None]] = {}
    for source in sources:
        wanted.setdefault(source.quantity, {}).update(dict.fromkeys((*source.meters, *source.minus)))
    found = {}
    for quantity, meters in wanted.items():
        if not quantity or not meters:
            continue
        series = store.usage(tuple(meters), quantity, edges)
        found.update({(m, quantity): series.usage[:, i] for i, m in enumerate(series.meters)})
    return found
