"""What a detector remembers, as a dataclass of arrays, numbers, JSON values and further such dataclasses.

`dump` gives a dict; `load` takes one back that has the same fields, kinds and shapes.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def dump(memory: Any) -> dict[str, Any]:
    """A copy of all that is remembered: arrays stay arrays, everything else is JSON-able."""
    return {f.name: _dump_value(getattr(memory, f.name)) for f in fields(memory)}


def _dump_value(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if is_dataclass(value) and not isinstance(value, type):
        return dump(value)
    return deepcopy(value)


def load(memory: Any, state: dict[str, Any]) -> None:
    """Put a dumped state back into a memory of the same form.

    Raises:
        ValueError: another form: a field missing or unknown, an array of another shape or kind.
    """
    names = {f.name for f in fields(memory)}
    if set(state) != names:
        raise ValueError(f"a torn state: has {sorted(state)}, needs {sorted(names)}")
    for name in names:
        here, saved = getattr(memory, name), state[name]
        if is_dataclass(here):
            load(here, saved)
        elif isinstance(here, np.ndarray):
            setattr(memory, name, _fitting(name, here, saved))
        else:
            setattr(memory, name, deepcopy(saved))


def _fitting(name: str, here: np.ndarray[Any, Any], saved: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(saved)
    if array.shape != here.shape or array.dtype != here.dtype:
        raise ValueError(f"a torn state: {name} is {array.dtype}{array.shape}, needs {here.dtype}{here.shape}")
    return array.copy()
