"""The codec of snapshots: what goes in comes out; what is torn is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rules.snapshot import SnapshotError, pack, unpack

SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=8)
ARRAYS = hnp.arrays(
    st.sampled_from([np.dtype(d) for d in ("bool", "i4", "i8", "u2", "f8", "M8[ms]")]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def same(a, b) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return repr(a) == repr(b)
    return type(a) is type(b) and a == b


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=4))
@example({"$time": None, "$$array": {"$float": [1]}})
def test_what_goes_in_comes_out(state):
    assert same(unpack(pack(state)), state)


def test_times_and_numpy_numbers():
    back = unpack(pack({"t": np.datetime64("2026-01-01T00:00:01.5"), "n": np.int16(3), "f": np.float64("nan")}))
    assert back["t"] == np.datetime64("2026-01-01T00:00:01.5")
    assert back["n"] == 3
    assert np.isnan(back["f"])


def test_arrays_can_be_written_to():
    unpack(pack({"a": np.zeros(3)}))["a"][0] = 1.0


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([object()]), b"raw"])
def test_what_cannot_be_kept_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"state\.deep\[1\]"):
        pack({"deep": [0, value]})


def test_torn_or_foreign_bytes_are_refused():
    good = pack({"a": np.arange(100), "b": "text"})
    for bad in (b"", b"AV", b"AVSS\x02" + good[5:], good[:-1], good[: len(good) // 2], good[:6] + b"x" + good[7:]):
        with pytest.raises(SnapshotError):
            unpack(bad)
