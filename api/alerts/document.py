"""An alert as its wire document."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from alerts.values import Alert, AuditEntry, Delivery
from alerts.words import Language, word
from api.alerts.evidence import loss_uncertainty
from api.parts import ApiParts, Prices
from api.wire import jsonable
from metering.quantities import MAIN_REGISTER
from metering.site import Site

RATE_UNITS = {"m3": "m3/h", "kWh": "kW"}


def loss_unit(medium: str) -> str:
    """Unit of a loss of the medium: m3 or kWh; empty where nothing can be lost."""
    register = MAIN_REGISTER.get(medium)
    return register.unit if register else ""


def loss_rate_unit(medium: str) -> str:
    """Unit of a loss rate of the medium: m3/h or kW."""
    return RATE_UNITS.get(loss_unit(medium), "")


def place_of(site: Site, node: str) -> list[dict[str, str]]:
    """From the campus down to the node. A node that a reload took away stands alone, under its id."""
    if node not in site.nodes:
        return [{"id": node, "name": node}]
    return [{"id": n, "name": site.nodes[n].name or n} for n in site.place_path(node)]


def loss_money(medium: str, amount: float | None, prices: Prices) -> dict[str, Any] | None:
    """What `amount` m3 or kWh cost, with the price that says so."""
    price = prices.per_unit(medium)
    if amount is None or price is None:
        return None
    return {
        "amount": round(amount * price, 2),
        "currency": prices.currency,
        "price": price,
        "per": loss_unit(medium),
        "is_estimate": True,
    }


def alert_document(alert: Alert, site: Site, parts: ApiParts) -> dict[str, Any]:
    """Every member of a backtest line, then what people did, the place, the money, the cause and what to do."""
    members = {f.name: getattr(alert, f.name) for f in dataclasses.fields(alert)}
    document: dict[str, Any] = jsonable(members)
    document["loss_unit"] = loss_unit(alert.medium)
    document["loss_rate_unit"] = loss_rate_unit(alert.medium)
    document["loss_rate_uncertainty"], document["loss_total_uncertainty"] = loss_uncertainty(alert) or (None, None)
    document["loss_money"] = loss_money(alert.medium, alert.loss_total, parts.prices)
    document["overdue"] = alert.is_overdue(parts.now())
    document["place"] = place_of(site, alert.node)
    document["cause"] = _cause(alert)
    document["next_steps"] = {
        language.value: list(parts.playbook.steps(alert, site, language)) for language in Language
    }
    return document


def _cause(alert: Alert) -> dict[str, Any] | None:
    """What it probably is, with words; None where the rules did not say."""
    cause = alert.evidence.get("cause")
    if not isinstance(cause, Mapping):
        return None
    words = {language.value: word(f"cause.{cause.get('code')}", language) for language in Language}
    return {"code": cause.get("code"), "confidence": cause.get("confidence"), "text": words}


def audit_document(entry: AuditEntry) -> dict[str, Any]:
    """One line of history."""
    members = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry) if f.name != "alert_id"}
    return dict(jsonable(members))


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """One notification."""
    members = {f.name: getattr(delivery, f.name) for f in dataclasses.fields(delivery) if f.name != "alert_id"}
    return dict(jsonable(members))
