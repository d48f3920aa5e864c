"""A shard's memory as bytes: arrays and JSON, compressed, self-describing, without pickle.

    [ magic "AVSS" ][ version u8 ][ zlib of: header length u32 LE, header JSON, arrays one after the other ]

The header is the value itself; an array stands in it as {"$array": [dtype, shape, offset]}, a time as {"$time": ms}
and what else JSON cannot say as a number (NaN, infinity) as {"$float": text}; a key that begins with $ gets another.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from typing import Any

import numpy as np

_MAGIC, _VERSION = b"AVSS", 1
_HEAD = struct.Struct("<4sB")
_LENGTH = struct.Struct("<I")
_KINDS = "biufmM"  # dtype kinds that are plain bytes: bool, integers, floats, times


class SnapshotError(ValueError):
    """Bytes that are no snapshot, torn, or of another version or site: the state must be rebuilt."""


def pack(state: dict[str, Any]) -> bytes:
    """The state as bytes.

    Raises:
        TypeError: a value that is neither an array, a time nor JSON; the message names where it stands.
    """
    arrays: list[bytes] = []
    header = json.dumps(_Writer(arrays).write(state, "state"), separators=(",", ":"), ensure_ascii=False).encode()
    body = b"".join([_LENGTH.pack(len(header)), header, *arrays])
    return _HEAD.pack(_MAGIC, _VERSION) + zlib.compress(body, 1)


def unpack(data: bytes) -> dict[str, Any]:
    """The state in the bytes; arrays are writable copies.

    Raises:
        SnapshotError: not a snapshot of this version, or torn.
    """
    try:
        magic, version = _HEAD.unpack_from(data)
        if (magic, version) != (_MAGIC, _VERSION):
            raise SnapshotError(f"not a snapshot of version {_VERSION}: starts with {data[:5].hex()}")
        body = zlib.decompress(data[_HEAD.size :])
        (length,) = _LENGTH.unpack_from(body)
        header = json.loads(body[_LENGTH.size : _LENGTH.size + length])
        state = _read(header, memoryview(body)[_LENGTH.size + length :])
    except SnapshotError:
        raise
    except (struct.error, zlib.error, ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"a snapshot of {len(data)} bytes is torn: {error}") from error
    if not isinstance(state, dict):
        raise SnapshotError("a snapshot must hold a mapping")
    return state


def _escaped(key: str) -> str:
    """A key of the state's own never looks like one of ours."""
    return f"${key}" if key.startswith("$") else key


class _Writer:
    def __init__(self, arrays: list[bytes]) -> None:
        self._arrays = arrays
        self._offset = 0

    def write(self, value: Any, where: str) -> Any:
        if isinstance(value, dict):
            return {_escaped(str(k)): self.write(v, f"{where}.{k}") for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.write(v, f"{where}[{i}]") for i, v in enumerate(value)]
        if isinstance(value, np.ndarray):
            return self._array(value, where)
        if isinstance(value, np.datetime64):
            return {"$time": int(value.astype("datetime64[ms]").astype(np.int64))}
        if isinstance(value, np.generic):
            return self.write(value.item(), where)
        if isinstance(value, float) and not math.isfinite(value):
            return {"$float": repr(value)}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(f"{where} cannot stand in a snapshot: {type(value).__name__}")

    def _array(self, array: np.ndarray[Any, Any], where: str) -> dict[str, Any]:
        if array.dtype.kind not in _KINDS:
            raise TypeError(f"{where} cannot stand in a snapshot: an array of {array.dtype}")
        data = np.ascontiguousarray(array).tobytes()
        self._arrays.append(data)
        place, self._offset = self._offset, self._offset + len(data)
        return {"$array": [array.dtype.str, list(array.shape), place]}


def _read(value: Any, arrays: memoryview) -> Any:
    if isinstance(value, list):
        return [_read(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        kind, shape, offset = value["$array"]
        dtype = np.dtype(kind)
        return np.frombuffer(arrays, dtype, math.prod(shape), offset).reshape(shape).copy()
    if "$time" in value:
        return np.datetime64(value["$time"], "ms")
    if "$float" in value:
        return float(value["$float"])
    return {k[1:] if k.startswith("$$") else k: _read(v, arrays) for k, v in value.items()}
