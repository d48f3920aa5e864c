"""Copies the few browser files that the pages need out of `node_modules` (see package.json).

Run once at set-up, after `npm ci`: `python -m api.web.vendor`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

VENDOR = Path(__file__).parent / "vendor"
NODE_MODULES = Path(__file__).parents[2] / "node_modules"

# name in `vendor` <- path in `node_modules`
FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "echarts.common.min.js": "echarts/dist/echarts.common.min.js",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
}


def missing_files(folder: Path = VENDOR) -> tuple[str, ...]:
    """The browser files that are not in place."""
    return tuple(name for name in FILES if not (folder / name).is_file())


def copy_files(source: Path = NODE_MODULES, target: Path = VENDOR) -> tuple[str, ...]:
    """Copies every file of `FILES`; gives the names it copied.

    Raises:
        FileNotFoundError: a package is not installed; the message names the first missing file.
    """
    for path in FILES.values():
        if not (source / path).is_file():
            raise FileNotFoundError(f"{source / path} is missing: run `npm ci` beside package.json first")
    target.mkdir(exist_ok=True)
    for name, path in FILES.items():
        shutil.copyfile(source / path, target / name)
    return tuple(FILES)


def main(arguments: Sequence[str]) -> int:
    """Exit status 0, or 1 with the reason on stderr. The one argument is another `node_modules` folder."""
    try:
        copied = copy_files(Path(arguments[0]) if arguments else NODE_MODULES)
    except OSError as error:
        sys.stderr.write(f"browser files not set up: {error}\n")
        return 1
    sys.stdout.write(f"{len(copied)} browser files in {VENDOR}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
