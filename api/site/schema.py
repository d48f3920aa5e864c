"""The wire forms of nodes, meters and their use, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.alerts.schema import PlaceOut


class NodeOut(BaseModel):
    """A place of the site tree."""

    id: str
    kind: str
    name: str
    parent: str | None
    use: str
    beds: int | None
    people: int | None
    area_m2: float | None
    department: str
    children: list[str]
    meters: list[str]


class UseOut(BaseModel):
    """Use in `unit`; null where nothing is stored."""

    unit: str
    today: float | None
    yesterday: float | None
    last_7_days: float | None
    month: float | None
    daily: list[float | None] = Field(description="The last seven local days, today last")
    is_partial: bool = Field(description="Summed from what stands below: the node has no meter of its own")
    meters: list[str]


class NodeDetailOut(NodeOut):
    """A place with its path and use."""

    place: list[PlaceOut]
    consumption: dict[str, UseOut]


class NodesOut(BaseModel):
    """All places, parents before children."""

    site: str
    name: str
    timezone: str
    items: list[NodeOut]


class MeterOut(BaseModel):
    """A metering point."""

    id: str
    medium: str
    node: str | None
    parents: list[str]
    children: list[str]
    profile: str | None
    poll_s: float | None
    multiplier: float
    register_digits: int | None
    resolution: float | None
    accuracy_class: str | None


class ReadingOut(BaseModel):
    """The newest reading of one quantity."""

    quantity: str
    unit: str
    time: datetime
    value: float
    quality: int


class MeterDetailOut(MeterOut):
    """A metering point with its place and newest readings."""

    place: list[PlaceOut]
    latest: list[ReadingOut]


class MetersOut(BaseModel):
    """All meters, in the site file's order."""

    items: list[MeterOut]


class UsageOut(BaseModel):
    """Use by window. Window i is [edges[i], edges[i + 1]); null where nothing is stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "meters": ["W-D2-MAIN"], "quantity": "water_volume", "unit": "m3", "step": "1d",
                    "timezone": "Asia/Shanghai", "edges": ["2026-10-31T16:00:00Z", "2026-11-01T16:00:00Z"],
                    "usage": {"W-D2-MAIN": [41.25]}, "quality": {"W-D2-MAIN": [0]},
                }
            ]
        }
    )  # fmt: skip

    meters: list[str]
    quantity: str
    unit: str
    step: str
    timezone: str
    edges: list[datetime]
    usage: dict[str, list[float | None]]
    quality: dict[str, list[int]] = Field(description="Bits: 1 estimated, 2 held, 8 reset, 16 rollover, 64 late, ...")
