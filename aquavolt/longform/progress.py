"""How far a long import or export is."""

from __future__ import annotations

from collections.abc import Callable

# The phases, in this order: an import reads and takes, an export reads and packs.
READING, TAKING, PACKING = "reading", "taking", "packing"

# Called with (phase, done, total): bytes of a CSV file or rows. Called often, on the caller's own thread.
Progress = Callable[[str, int, int], None]
