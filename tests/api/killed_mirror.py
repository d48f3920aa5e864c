"""A program that sends all that waits for the repair platform, and may kill itself with -9 once it has an answer.

Arguments: records URL, the platform's address, and "answered" (killed between the answer and its mark) or "none".
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from conftest import SITE
from mirrored import FAST, ground_of, settings_of

from alerts.platform.queue import PlatformQueue
from alerts.records import Records
from aquavolt.repair.mirror import Mirror


def main(url: str, platform: str, point: str) -> None:
    if point == "answered":

        def die(*_: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        PlatformQueue.mark_delivered = die  # type: ignore[method-assign]
    records = Records(url)
    mirror = Mirror(ground_of(records, SITE, settings_of(platform)), FAST)
    while mirror.step():
        pass
    mirror.close()
    records.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
