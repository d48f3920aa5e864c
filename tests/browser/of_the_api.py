"""Modules of the API's tests, whose folder is on no path here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).parents[1]


def api_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_for_browser", TESTS / "api" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
