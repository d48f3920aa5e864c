"""Refuses to build a wheel or sdist without the browser files: its pages would come without style and charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BrowserFiles(BuildHookInterface):  # type: ignore[type-arg] - the plugin's own parameter is of no use here
    """An editable install is left alone: it is made before the files are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Hatchling calls this before it collects files.

        Raises:
            RuntimeError: the browser files are not in place.
        """
        vendor = Path(self.root) / "api" / "web" / "vendor"
        if version != "editable" and not any(vendor.glob("*.js")):
            raise RuntimeError(f"no browser files in {vendor}: run `npm ci` and `python -m api.web.vendor` first")
