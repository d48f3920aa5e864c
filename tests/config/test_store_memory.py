"""How much memory the embedded store may take for its buffers."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from aquavolt.config.documents import ConfigError
from aquavolt.config.settings import load_settings
from aquavolt.program import Program
from aquavolt.setup import Setup
from aquavolt.stores.opened import open_store
from metering.site import Site
from rules.settings import RulesSettings

MIB = 2**20 / 1e6  # DuckDB takes MB and tells MiB


def limit_of(store) -> float:
    """What DuckDB itself says, in MB."""
    with store._connection.query() as cursor:
        (said,) = cursor.execute("SELECT current_setting('memory_limit')").fetchone()
    number, unit = said.split()
    assert unit == "MiB"
    return float(number) * MIB


@pytest.mark.parametrize(("lines", "mb"), [("", 128), ("store_memory_mb: 64\n", 64), ("store_memory_mb: 200\n", 200)])
def test_the_program_opens_its_store_with_it(tmp_path: Path, lines: str, mb: int):
    path = tmp_path / "aquavolt.yaml"
    path.write_text(f"data: {tmp_path / 'data'}\n{lines}", encoding="utf-8")
    (tmp_path / "data").mkdir()
    site = Site("s", "S", "Asia/Shanghai", {}, {})
    with contextlib.closing(Program(Setup(load_settings(path, {}), site, RulesSettings()))) as program:
        assert limit_of(program.store) == pytest.approx(mb, abs=0.1)


def test_who_opens_it_without_a_program_has_the_usual(tmp_path: Path):
    with contextlib.closing(open_store(tmp_path)) as store:
        assert limit_of(store) == pytest.approx(128, abs=0.1)


def test_too_little_to_work_with_is_refused(tmp_path: Path):
    path = tmp_path / "aquavolt.yaml"
    path.write_text("store_memory_mb: 16\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"aquavolt.yaml:1.*store_memory_mb.*64"):
        load_settings(path, {})
