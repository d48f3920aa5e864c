"""Chance that can be asked for at any place and moment, without what came before.

Two kinds: a generator keyed by (seed, stream, day) for a whole day's draws, and a hash of keys for single draws
(one reading lost, one person away), which is the same however the questions are put.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


def stream_number(name: str) -> int:
    """A number for a stream's name, the same in every process."""
    return zlib.crc32(name.encode())


def generator(seed: int, stream: str, day: int = 0) -> np.random.Generator:
    """The generator of one stream on one day (days since 1970, not negative)."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, stream_number(stream), day])))


def _mix(z: UInt64) -> UInt64:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014): every input bit moves every output bit."""
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


def uniform(*keys: npt.ArrayLike) -> Float64:
    """Uniform draws in [0, 1), one for each combination of the keys (whole numbers, broadcast together)."""
    state = np.zeros(np.broadcast_shapes(*(np.shape(k) for k in keys)), np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = _mix((state + np.asarray(key).astype(np.int64).astype(np.uint64)) * _MIX_1 + _GOLDEN)
    return (state >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def normal(*keys: npt.ArrayLike) -> Float64:
    """Standard normal draws, one for each combination of the keys (Box and Muller)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(*keys, 1)))
    return radius * np.cos(2.0 * np.pi * uniform(*keys, 2))
