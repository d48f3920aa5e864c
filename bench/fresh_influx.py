"""An empty InfluxDB 2 for one measurement, and what it says of itself: whoever is measured, the same yardstick."""

from __future__ import annotations

import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from influxdb_client import InfluxDBClient

from deploy.services.influxd import Access, Influx, start_influx

BUCKET = "bench"
_CONFIRMED = "storage_writer_ok_points_sum"


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def fresh_influx() -> Iterator[tuple[Influx, Path]]:
    """A server, and an empty folder for those who use it; both are gone afterwards."""
    server, of_server = start_influx(tell)
    folder = Path(tempfile.mkdtemp(prefix="aquavolt-bench-"))
    try:
        yield server, folder
    finally:
        server.stop()
        shutil.rmtree(of_server, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def confirmed(access: Access) -> int:
    """How many points the server has taken since its start, by its own count; it costs next to nothing."""
    with urllib.request.urlopen(f"{access.url}/metrics", timeout=30) as answer:  # noqa: S310 - our own server
        lines = answer.read().decode().splitlines()
    return round(sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(_CONFIRMED)))


def make_bucket(access: Access) -> None:
    """The bucket, for one who does not make it by itself."""
    with InfluxDBClient(access.url, access.token, org=access.org) as client:
        client.buckets_api().create_bucket(bucket_name=BUCKET, org=access.org)


def check_stored(access: Access, field: str, points: int) -> None:
    """See to it that there are so many points with a number in this field.

    Raises:
        ValueError: there are more or fewer.
    """
    query = f'from(bucket: "{BUCKET}") |> range(start: 0) |> filter(fn: (r) => r._field == "{field}") |> count()'
    with InfluxDBClient(access.url, access.token, org=access.org, timeout=60_000) as client:
        tables = client.query_api().query(query)
    there = sum(record.get_value() for table in tables for record in table.records)
    if there != points:
        raise ValueError(f"InfluxDB has {there:,} points of {points:,}")
