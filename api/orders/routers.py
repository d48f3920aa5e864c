"""Every REST router of orders."""

from __future__ import annotations

from api.orders import acts, patrol, photos, reports, views

ROUTERS = (acts.router, photos.router, views.router, reports.router, patrol.router)
