from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aquavolt.longform import ImportReport, import_file
from metering.batch import ReadingBatch, concatenate
from metering.site import Site
from metering.site_document import parse_site

Take = Callable[..., tuple[ReadingBatch, ImportReport]]


@pytest.fixture
def site() -> Site:
    meters = [{"id": m, "medium": "water"} for m in ("inlet", "b1", "b10", "宿舍,3#")]
    return parse_site({"site": {"id": "s", "timezone": "Asia/Shanghai"}, "meters": meters})


@pytest.fixture
def take(site: Site) -> Take:
    """Import a file; everything the sink got as one batch, and the report."""

    def run(path: Path, **options: object) -> tuple[ReadingBatch, ImportReport]:
        got: list[ReadingBatch] = []
        report = import_file(site, path, got.append, **options)
        return concatenate(got), report

    return run
