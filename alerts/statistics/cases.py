"""The alerts of a period as columns: one row an alert, read in one query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.desk_models import EpisodeRow
from alerts.models import AlertRow, AuditRow, OutboxAlertRow, OutboxRow
from alerts.orders.models import OrderRow
from alerts.statistics.counted import Wanted, counted, raised_within
from alerts.values import NotifyReason, Outcome
from metering.incident import Category

Column = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]

# What people found to be nothing: no loss, no repair, and never the same leak again.
NOTHING = (Outcome.FALSE.value, Outcome.PLANNED_USE.value)


@dataclass(frozen=True, slots=True)
class Cases:
    """Columns of equal length. Times are UTC milliseconds, NaN where there is none.

    raised    first detection: in which month it counts; the other times are of its latest episode
    known     written down here: later than the detection where readings were caught up with or brought in
    told      the first message that was delivered after the detection
    loss      m3 or kWh, earlier episodes included; rate in m3/h or kW
    returned  how often the meters brought it back after they had cleared it
    spent     what its repairs cost, as their orders say; nought where nobody has said
    lost, saved  m3 or kWh, nought where it is no loss; `alerts.statistics.losses` fills them in
    """

    id: Texts
    node: Texts
    category: Texts
    medium: Texts
    severity: Texts
    outcome: Texts
    assigned_to: Texts
    is_active: Flags
    raised: Column
    onset: Column
    detected: Column
    known: Column
    told: Column
    taken: Column
    closed: Column
    rate: Column
    loss: Column
    returned: Column
    spent: Column
    lost: Column
    saved: Column

    def __len__(self) -> int:
        """How many alerts."""
        return len(self.id)

    def at(self, index: Any) -> Cases:
        """Those that a mask or a list of positions names."""
        return Cases(*(getattr(self, f.name)[index] for f in fields(self)))

    @property
    def is_real(self) -> Flags:
        """Not found to be nothing."""
        return ~np.isin(self.outcome, NOTHING)

    @property
    def is_losing(self) -> Flags:
        """About use that somebody pays for: no fault of a meter, and not found to be nothing."""
        is_priced: Flags = np.isin(self.medium, ("water", "electricity"))
        is_use: Flags = self.category != Category.DATA_QUALITY.value
        return self.is_real & is_priced & is_use


_TEXTS, _FLAGS, _READ = 7, 1, 19


def read_cases(session: Session, wanted: Wanted) -> Cases:
    """The alerts that are wanted, in the order in which they were raised."""
    query = counted(
        AlertRow.id, AlertRow.node, AlertRow.category, AlertRow.medium, AlertRow.severity, AlertRow.outcome,
        AlertRow.assigned_to, AlertRow.is_active, AlertRow.raised_ms, AlertRow.onset_ms, AlertRow.detected_ms,
        _first_known(), _first_told(), AlertRow.acknowledged_ms, AlertRow.closed_ms, AlertRow.loss_rate,
        AlertRow.loss_total,
        AlertRow.reopened, _spent(),
    ).where(*raised_within(wanted)).order_by(AlertRow.raised_ms, AlertRow.id)  # fmt: skip
    cases = _columns(session.connection().execute(query).all())  # plain rows: objects would take as long as the query
    if (cases.returned > 0).any():
        cases.loss[:] = _with_earlier(session, wanted, cases)
    return cases


def _first_known() -> Any:
    known = select(func.min(AuditRow.at_ms))
    return known.where(AuditRow.alert_id == AlertRow.id, AuditRow.at_ms >= AlertRow.detected_ms).scalar_subquery()


def _first_told() -> Any:
    told = select(func.min(OutboxRow.delivered_ms)).join(OutboxAlertRow, OutboxAlertRow.outbox_id == OutboxRow.id)
    return told.where(
        OutboxAlertRow.alert_id == AlertRow.id,
        OutboxAlertRow.reason != NotifyReason.CLEARED.value,
        OutboxRow.delivered_ms >= AlertRow.detected_ms,
    ).scalar_subquery()


def _spent() -> Any:
    spent = select(func.sum(OrderRow.cost_cents)).where(OrderRow.alert_id == AlertRow.id)
    return func.coalesce(spent.scalar_subquery(), 0) / 100.0


def _columns(rows: Iterable[Any]) -> Cases:
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * _READ
    texts: list[Any] = [_texts(c) for c in columns[:_TEXTS]]
    flags: list[Any] = [np.array(c, np.bool_) for c in columns[_TEXTS : _TEXTS + _FLAGS]]
    numbers: list[Any] = [np.array(c, np.float64) for c in columns[_TEXTS + _FLAGS :]]  # None becomes NaN
    unvalued = [np.zeros(len(columns[0]))] * (len(fields(Cases)) - _READ)
    return Cases(*texts, *flags, *numbers, *unvalued)


def _texts(column: tuple[str | None, ...]) -> Texts:
    out = np.empty(len(column), np.object_)
    out[:] = [text or "" for text in column]
    return out


def _with_earlier(session: Session, wanted: Wanted, cases: Cases) -> Column:
    """The losses with those of earlier episodes, but for episodes that were found to be nothing."""
    query = counted(EpisodeRow.alert_id, func.sum(EpisodeRow.loss_total)).join(
        EpisodeRow, EpisodeRow.alert_id == AlertRow.id
    )
    query = query.where(*raised_within(wanted), func.coalesce(EpisodeRow.outcome, "").not_in(NOTHING))
    earlier = {alert: total or 0.0 for alert, total in session.execute(query.group_by(EpisodeRow.alert_id))}
    return np.nan_to_num(cases.loss) + np.array([earlier.get(i, 0.0) for i in cases.id], np.float64)
