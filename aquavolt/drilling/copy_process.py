"""The process of a drill's copy: `python -m aquavolt.drilling.copy_process FD`.

It gives way to every other program, and ends with the program that started it: its pipe is closed then.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

from aquavolt.drilling.messages import Failed, Feed, Make, Repair, Said
from metering.incident import IncidentChange
from rules.drill.copy import DrillCopy
from rules.snapshot import SnapshotError

_NICE = 15


def serve(connection: Connection[object, object]) -> None:
    """Answer until the other side is gone."""
    copy: DrillCopy | None = None
    while True:
        try:
            message = connection.recv()
        except EOFError:
            return
        try:
            copy, said = _answer(copy, message)
        except SnapshotError as error:
            said = Failed(f"the state of the rules cannot be copied: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the other side ends the drill and says why
            said = Failed(f"{type(error).__name__}: {error}")
        connection.send(said)


def _answer(copy: DrillCopy | None, message: object) -> tuple[DrillCopy | None, Said | Failed]:
    if isinstance(message, Make):
        made = DrillCopy(message.blob, message.site, message.settings, message.order)
        return made, _said(made)
    if copy is None:
        return None, Failed("it was fed before it was made")
    match message:
        case Feed(entries):
            return copy, _said(copy, tuple(c for entry in entries for c in copy.process(entry)))
        case Repair():
            copy.repair()
            return copy, _said(copy)
    return copy, Failed(f"nobody says {type(message).__name__}")


def _said(copy: DrillCopy, changes: tuple[IncidentChange, ...] = ()) -> Said:
    fault = copy.fault
    return Said(changes, copy.now_ms, fault.start_ms, fault.end_ms, copy.is_mended)


if __name__ == "__main__":
    os.nice(_NICE)
    serve(Connection(int(sys.argv[1])))
