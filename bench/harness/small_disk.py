"""A volume of its own for a folder, small enough to be filled. Needs root: it is mounted."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

_FILLER = "filler"


class SmallDisk:
    """A tmpfs at `folder`."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        """Mount it.

        Raises:
            subprocess.CalledProcessError: it cannot be mounted.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)], check=True)

    def fill(self, leave_bytes: int = 0) -> None:
        """Take all that is free, but so much."""
        with (self._folder / _FILLER).open("wb", buffering=0) as filler:
            left = os.statvfs(self._folder).f_bavail * os.statvfs(self._folder).f_frsize - leave_bytes
            try:
                while left > 0:
                    left -= filler.write(bytes(min(left, 1 << 16)))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Give it back."""
        (self._folder / _FILLER).unlink()

    def close(self) -> None:
        """Unmount it; whoever has files open there keeps them until the end."""
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)
