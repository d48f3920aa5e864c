"""`record` and `replay`: a meter's own frames, to keep and to serve again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from aquavolt.cli.failure import Failure, told
from aquavolt.cli.meters import AllowLow, AsJson, Connect, Profile, SecondMaster, Timeout, note, print_values, wait_s
from aquavolt.cli.progress import shown


@contextmanager
def _new_file(out: Path) -> Iterator[TextIO]:
    """A file that is not there yet; it goes again where nothing was asked or heard: the command can be repeated."""
    with out.open("x", encoding="utf-8") as file:
        try:
            yield file
        finally:
            file.flush()
            if not any(f'"{what}": ' in out.read_text(encoding="utf-8") for what in ("sent", "topic")):
                out.unlink()


def record(
    profile: Profile,
    connect: Connect,
    out: Annotated[Path, typer.Option(help="The file to write, e.g. sdm630.jsonl; an existing one is kept.")],
    address: Annotated[str, typer.Option(help="The meter's address on the line, e.g. 1.")] = "1",
    timeout: Timeout = None,
    minutes: Annotated[float, typer.Option(min=0, help="Go on for so long; 0 reads once.")] = 0,
    every: Annotated[float, typer.Option(min=0.1, help="With --minutes: seconds from one reading to the next.")] = 10,
    remark: Annotated[str, typer.Option(help="Kept in the file: what the display showed, where the meter is.")] = "",
    second_master: SecondMaster = False,
    allow_low_confidence: AllowLow = False,
    as_json: AsJson = False,
) -> None:
    """Read a meter and write down every frame: for a test, a bug report, or a replay."""
    import asyncio

    from aquavolt.recording import Session
    from aquavolt.recording import record as record_session
    from collector.connection import ConnectionTextError
    from collector.modbus.once import ReadError
    from collector.modbus.polls import UnpollableError
    from device_profiles import ProfileError

    session = Session(
        profile, connect, address, wait_s(connect, timeout), 60 * minutes, every,
        allow_low_confidence, second_master, remark,
    )  # fmt: skip
    faults = (ProfileError, ConnectionTextError, ReadError, UnpollableError, OSError)
    with told(*faults), shown() as advance, _new_file(out) as file:
        values = asyncio.run(
            record_session(session, file, on_note=note, on_progress=lambda done, of: advance("readings", done, of))
        )
    print_values(values, as_json)
    note(f"{out}: written. Serve it again: aquavolt replay {out}")


def replay(
    file: Annotated[Path, typer.Argument(help="What `aquavolt record` wrote.")],
    at: Annotated[
        str | None,
        typer.Option(
            help="Where to serve it: tcp://host:port, rtu+tcp://host:port, serial:///pty (a pseudo-terminal), "
            "listen://host:port?id=.. (dials in there), mqtt://host:port (a broker that is there). "
            "Default: as recorded, on this machine alone and a free port."
        ),
    ] = None,
    at_once: Annotated[bool, typer.Option("--at-once", help="Without the recorded delays.")] = False,
) -> None:
    """Serve a recording until told to stop: what was asked then is answered as then, byte for byte."""
    import asyncio

    from aquavolt.child import ChildError
    from collector.connection import ConnectionTextError
    from collector.recording import RecordingError, read_recording

    with told(RecordingError, ConnectionTextError, ChildError, OSError):
        recording = read_recording(file)
        if not recording.exchanges and not recording.messages:
            raise Failure(f"{file}: nothing was answered in this recording; there is nothing to serve")
        asyncio.run(_serve(recording, at, at_once=at_once))


async def _serve(recording, at: str | None, *, at_once: bool) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    import asyncio

    from aquavolt.recording import Replay

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = Replay(recording, at, is_at_once=at_once, on_unknown=lambda heard: note(_unknown(heard)))
    try:
        where = await serving.start()
        typer.echo(f"{where}  (Ctrl+C ends it)")
        typer.echo(f"aquavolt read --profile {recording.profile} --connect '{where}' --address {recording.address}")
        await stop.wait()
    finally:
        await serving.stop()


def _unknown(heard: bytes) -> str:
    return f"asked what the recording does not have: {heard[:40].hex(' ')}"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(record)
    app.command()(replay)
