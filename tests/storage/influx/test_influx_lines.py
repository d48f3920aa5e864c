"""Line protocol and the ids in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquavolt.stores.influx.identifiers import identifier_of, tag_of
from aquavolt.stores.influx.lines import INTERVAL, READING, encode_lines
from metering.batch import batch_of

TIME = np.array(["2026-03-01T00:00:00.001"], "datetime64[ms]")


def test_a_line_has_tags_both_fields_and_milliseconds() -> None:
    batch = batch_of(
        ["a b", "c,d=e"], [0, 1, 0], [50, 20, 50], np.repeat(TIME, 3), [1.0, 0.1 + 0.2, -7.25], [0, 128, 65]
    )
    assert encode_lines(READING, "campus", batch).decode().splitlines() == [
        r"reading,meter=a\ b,quantity=water_volume,site=campus value=1.0,quality=0i 1772323200001",
        r"reading,meter=c\,d\=e,quantity=active_power,site=campus value=0.30000000000000004,quality=128i 1772323200001",
        r"reading,meter=a\ b,quantity=water_volume,site=campus value=-7.25,quality=65i 1772323200001",
    ]
    assert encode_lines(INTERVAL, "s", batch.take(np.array([0]))).startswith(
        b"interval,meter=a\\ b,quantity=water_volume,site=s usage=1.0,"
    )
    assert encode_lines(READING, "s", batch.take(np.zeros(0, np.intp))) == b""


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_every_value_means_exactly_itself(values: list[float]) -> None:
    batch = batch_of(["m"], [0] * len(values), 50, TIME[0], values)
    lines = encode_lines(READING, "s", batch).decode().splitlines()
    got = [float(line.split("value=")[1].split(",")[0]) for line in lines]
    assert [v.hex() for v in got] == [v.hex() for v in values]


@given(st.text(min_size=1).filter(lambda text: text.isprintable() or not any(0xD800 <= ord(c) <= 0xDFFF for c in text)))
def test_any_id_comes_back_from_its_tag(identifier: str) -> None:
    tag = tag_of(identifier)
    assert identifier_of(tag) == identifier
    assert not any(c in tag for c in "\n\r\\\x00")


def test_usual_ids_stand_as_they_are() -> None:
    for identifier in ("宿舍3#水表", "room-12/a b", 'q"uote', "a,b=c", "é"):
        assert tag_of(identifier) == identifier
    assert tag_of("50%\\\n") == "50%25%5C%0A"


@pytest.mark.parametrize("identifier", ["", "\ud800"])
def test_an_id_that_is_no_text_is_refused(identifier: str) -> None:
    with pytest.raises(ValueError, match="id"):
        tag_of(identifier)
