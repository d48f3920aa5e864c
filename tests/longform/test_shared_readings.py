"""The reference sets beside the project: every row is taken, and what goes out comes back."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from aquavolt.longform import import_file, write_file
from metering.batch import ReadingBatch, concatenate, to_ms
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site

READINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "readings"
# Rows of each set, as shared/data/README.md has them.
ROWS = {"battledim": 315_360, "daiad_injected": 104_664, "bwdf": 95_186, "campus_sim": 1_267_721, "uci": 73_429}

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not READINGS.is_dir(), reason="the reference data are not beside the project"),
]


def site_of(name: str) -> Site:
    return parse_site(yaml.safe_load((READINGS / f"{name}.site.yaml").read_text()))


def file_of(name: str) -> Path:
    return READINGS / f"{name}.readings.csv.gz"


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_taken(name: str) -> None:
    report = import_file(site_of(name), file_of(name), lambda _batch: None)
    assert report.lines() == []
    assert report.rows == ROWS[name]


def test_rows_are_what_the_standard_library_reads() -> None:
    """A set whose clock changes twice a year, compared row by row with csv, datetime and float."""
    got: list[ReadingBatch] = []
    import_file(site_of("daiad_injected"), file_of("daiad_injected"), got.append, is_in_time_order=False)
    batch = concatenate(got)
    with gzip.open(file_of("daiad_injected"), "rt") as file:
        rows = list(csv.DictReader(file))
    assert [batch.meters[m] for m in batch.meter] == [row["meter"] for row in rows]
    assert batch.quantity.tolist() == [BY_NAME[row["quantity"]].code for row in rows]
    assert batch.time.tolist() == [to_ms(datetime.fromisoformat(row["time"])).tolist() for row in rows]
    assert batch.value.tolist() == [float(row["value"]) for row in rows]


def test_written_again_it_is_the_same_text(tmp_path: Path) -> None:
    """Local offsets through both summer-time changes; numbers without a fraction get `.0`."""
    site = site_of("bwdf")
    got: list[ReadingBatch] = []
    import_file(site, file_of("bwdf"), got.append)
    write_file(tmp_path / "again.csv", got, site.zone)
    with gzip.open(file_of("bwdf"), "rt") as before, (tmp_path / "again.csv").open() as after:
        for old, new in zip(csv.reader(before), csv.reader(after), strict=True):
            assert (new[:3], new[3] == "value" or np.float64(new[3]) == np.float64(old[3])) == (old[:3], True)
