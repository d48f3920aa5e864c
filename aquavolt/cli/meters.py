"""`read` and `decode`: one meter, one frame, for the person in front of the cabinet."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import Failure, told

if TYPE_CHECKING:
    from collector.read_value import ReadValue

Profile = Annotated[str, typer.Option(help="Profile id, e.g. eastron-sdm630.")]
_ANSWER_S, _MESSAGE_S = 3.0, 60.0
AllowLow = Annotated[
    bool, typer.Option("--allow-low-confidence", help="Use a profile that no live meter has confirmed.")
]
Connect = Annotated[str, typer.Option(help="tcp://host:port, rtu:///dev/ttyUSB0?baud=9600, mqtt://host/topic, ...")]
Timeout = Annotated[
    float | None, typer.Option(min=0.1, help="Seconds to wait: for an answer 3, for an MQTT message 60.")
]
SecondMaster = Annotated[
    bool, typer.Option("--second-master", help="Ask even where another master asks on the line; both may lose answers.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON list.")]


def note(text: str) -> None:
    """Beside the output."""
    typer.echo(text, err=True)


def print_values(values: Sequence[ReadValue], as_json: bool) -> None:
    """As a table, or as JSON."""
    if as_json:
        typer.echo(json.dumps([v.as_dict() for v in values], ensure_ascii=False))
        return
    width = max((len(v.quantity) for v in values), default=0)
    for value in values:
        shown = f"{value.value:,.12g}" if isinstance(value.value, float) else value.value
        when = f"  {value.time.isoformat()}" if value.time else ""
        whose = f"  {value.address}" if value.address else ""
        typer.echo(f"{value.quantity:<{width}}  {shown} {value.unit}{when}{whose}")


def wait_s(connect: str, timeout: float | None) -> float:
    """How long to wait: for an answer, or for a message that comes by itself."""
    return timeout or (_MESSAGE_S if connect.startswith("mqtt") else _ANSWER_S)


def read(
    profile: Profile,
    connect: Connect,
    address: Annotated[str, typer.Option(help="The meter's address on the line, e.g. 1.")] = "1",
    timeout: Timeout = None,
    second_master: SecondMaster = False,
    allow_low_confidence: AllowLow = False,
    as_json: AsJson = False,
) -> None:
    """Read one meter once and print every value its profile names."""
    import asyncio

    from collector.connection import ConnectionTextError
    from collector.modbus.once import ReadError
    from collector.modbus.openers import Approach
    from collector.modbus.polls import UnpollableError
    from collector.read_meter import read_meter
    from device_profiles import ProfileError

    with told(ProfileError, ConnectionTextError, ReadError, UnpollableError):
        values = asyncio.run(
            read_meter(
                profile,
                connect,
                address,
                timeout_s=wait_s(connect, timeout),
                allow_low_confidence=allow_low_confidence,
                on_note=note,
                approach=Approach(is_second_master=second_master),
            )
        )
    print_values(values, as_json)


def decode(
    file: Annotated[Path, typer.Argument(help="The payload or frame; - reads standard input.")],
    profile: Profile,
    topic: Annotated[str | None, typer.Option(help="MQTT topic the payload came on.")] = None,
    port: Annotated[int | None, typer.Option(help="LoRaWAN port.")] = None,
    request: Annotated[str | None, typer.Option(help="The request that a Modbus reply answers, as hex.")] = None,
    at: Annotated[str | None, typer.Option(help="FC:ADDR that a Modbus reply answers, e.g. 4:0x156.")] = None,
    is_hex: Annotated[bool, typer.Option("--hex", help="The file is hex text, with or without spaces.")] = False,
    allow_low_confidence: AllowLow = False,
    as_json: AsJson = False,
) -> None:
    """Decode one payload or frame and print all that it states."""
    from collector.decode_payload import DecodeError, decode_payload
    from device_profiles import ProfileError, load_profile

    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror}") from error
    with told(ProfileError, DecodeError):
        found = load_profile(profile, allow_low_confidence=allow_low_confidence)
        decoded = decode_payload(found, data, topic=topic, port=port, request=request, at=at, is_hex=is_hex)
    if decoded.meaning:
        note(decoded.meaning)
    print_values(decoded.values, as_json)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(read)
    app.command()(decode)
