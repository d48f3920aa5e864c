"""Sets that are made on demand: which, by what options, and that what is there is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.detection.jobs import Half
from bench.detection.simulate import Recipe, make, recipes

SCENARIOS = [str(i) for i in range(1, 13)]
GENERATOR = """
import sys
from pathlib import Path
out = Path(sys.argv[sys.argv.index("--out") + 1])
with (out.parent / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[3:]) + "\\n")
if "--fail" in sys.argv:
    sys.exit(3)
Path(f"{out}.site.yaml").write_text("site: {}")
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a generator that only writes down how it was called."""
    folder = tmp_path / "data"
    (folder / "leakdb").mkdir(parents=True)
    (folder / "leakdb/scenarios_dev.json").write_text(json.dumps(dict.fromkeys(reversed(SCENARIOS), 0)))
    (folder / "make.py").write_text(GENERATOR)
    return folder


def options(recipe: Recipe) -> dict[str, str]:
    return dict(zip(recipe.options[::2], recipe.options[1::2], strict=True))


def test_halves_share_neither_scenarios_nor_seeds(data):
    even, odd = ([*recipes(data, half)] for half in (Half.EVEN, Half.ODD))
    ids = [set(options(half[0])["--ids"].split(",")) for half in (even, odd)]
    assert all(ids)
    assert not ids[0] & ids[1]
    assert {int(options(r)["--seed"]) % 2 for r in even} == {0}
    assert {int(options(r)["--seed"]) % 2 for r in odd} == {1}
    assert [*recipes(data, Half.ALL)] == [*even, *odd]


def test_campus_years_are_as_hard_as_what_is_held_out(data):
    years = [options(r) for r in recipes(data, Half.ALL) if r.name.startswith("campus_")]
    assert {y["--network"] for y in years} == {"ZJ", "Net3", "foss_poly_1"}
    worn = {(y["--gain-drift"], y["--clock-skew-min"], y["--unmetered"]) for y in years}
    assert worn == {("0.01", "10", "0.1")}


def test_what_is_there_is_not_made_again(data, tmp_path):
    recipe = Recipe("year", Path("make.py"), ("--seed", "2"))
    out = tmp_path / "sets"
    for _ in range(2):
        assert make(recipe, data, out, sys.executable) == out
    assert (out / "calls").read_text() == "--seed 2\n"


def test_a_generator_that_fails_leaves_no_set_behind(data, tmp_path):
    recipe = Recipe("year", Path("make.py"), ("--fail", "yes"))
    for _ in range(2):
        with pytest.raises(subprocess.CalledProcessError):
            make(recipe, data, tmp_path / "sets", sys.executable)
    assert (tmp_path / "sets/calls").read_text().count("--fail") == 2
