"""Looking for a text among alerts: where it is, who has it, what people wrote."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select

from alerts.models import AlertRow, AuditRow
from alerts.texts import is_storable
from alerts.values import Search


def found_by(search: Search) -> ColumnElement[bool]:
    """The alerts at one of the places, of one of the meters, with the id, of the person, or with it in a remark.

    Remarks are found by a part of them, in any case of letters; ids and accounts whole.
    """
    text = search.text.strip()
    ways: list[ColumnElement[bool]] = [
        AlertRow.node.in_([n for n in search.nodes if is_storable(n)]),
        AlertRow.subject.in_([m for m in search.meters if is_storable(m)]),
    ]
    if text and is_storable(text):
        written = select(AuditRow.alert_id).where(AuditRow.text != "", AuditRow.text.icontains(text, autoescape=True))
        ways += [
            AlertRow.id == text,
            AlertRow.assigned_to == text,
            AlertRow.acknowledged_by == text,
            AlertRow.id.in_(written),
        ]
    return or_(*ways)
