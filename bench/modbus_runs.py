"""Modbus collectors as processes of their own on the same simulated meters: ours to its journal, Telegraf to a file.

What each took is read from what it wrote: a meter's readings at their own times, and whether their values are right.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.modbus_collector import VALUES
from bench.modbus_meters import registers_of
from bench.punctuality import Taken
from bench.telegraf import telegraf_binary
from collector.journal import Journal
from metering.batch import ReadingBatch
from metering.quantities import BY_NAME

OURS, TELEGRAF = "AquaVolt", "Telegraf"
HERE = Path(__file__).resolve().parent
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}
_LONGEST_END_S = 30.0
_AGENT = """[agent]
interval = "{period_s:g}s"
flush_interval = "1s"
precision = "1ms"
omit_hostname = true
quiet = true
metric_buffer_limit = 100000
[[outputs.file]]
files = ["{out}"]
data_format = "influx"
"""
_INPUT = """[[inputs.modbus]]
name = "c{connection}"
controller = "tcp://127.0.0.1:{port}"
timeout = "1s"
configuration_type = "request"
transmission_mode = "{mode}"
"""
_REQUEST = """[[inputs.modbus.request]]
slave_id = {unit}
byte_order = "ABCD"
register = "input"
fields = [{fields}]
"""


@dataclass(frozen=True, slots=True)
class Line:
    """The simulated meters: as many units behind each port, each read every `period_s`; RTU where there is a `baud`."""

    ports: tuple[int, ...]
    units: int
    registers: int
    period_s: float
    baud: int = 0

    @property
    def meters(self) -> int:
        """How many there are."""
        return len(self.ports) * self.units


@contextmanager
def simulated(
    connections: int, units: int, registers: int, period_s: float, baud: int = 0
) -> Iterator[tuple[Line, psutil.Popen]]:
    """Meters in a process of their own. SIGUSR1 silences one more unit of each connection."""
    command = [sys.executable, str(HERE / "modbus_meters.py"), *map(str, (connections, units, registers, baud))]
    process = psutil.Popen(command, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT)
    try:
        yield Line(tuple(json.loads(process.stdout.readline())), units, registers, period_s, baud), process
    finally:
        process.kill()
        process.wait()


class Run:
    """A collector under way; `taken` once it has ended."""

    def __init__(self, folder: Path, line: Line) -> None:
        self._folder, self._line = folder, line
        self.process = self._start()

    def _start(self) -> psutil.Popen:
        raise NotImplementedError

    def cpu_s(self) -> float:
        """User and system time so far."""
        spent = self.process.cpu_times()
        return float(spent.user + spent.system)

    def resident_mb(self) -> tuple[float, float]:
        """Resident set now, and the largest so far."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
        return int(found["VmRSS"]) / 1024, int(found["VmHWM"]) / 1024

    def end(self) -> Taken:
        """Tell it to end and read what it wrote.

        Raises:
            RuntimeError: it ended by itself, or badly.
        """
        if self.process.poll() is not None:
            raise RuntimeError(f"{type(self).__name__} ended by itself with {self.process.returncode}")
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=_LONGEST_END_S)
        if self.process.returncode:
            raise RuntimeError(f"{type(self).__name__} ended with {self.process.returncode}")
        return self._read()

    def _read(self) -> Taken:
        raise NotImplementedError

    def kill(self) -> None:
        """Whatever happens, nothing stays."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class OurRun(Run):
    """The poller and its journal."""

    def _start(self) -> psutil.Popen:
        line = self._line
        job = {"ports": line.ports, "units": line.units, "registers": line.registers, "period_s": line.period_s,
               "baud": line.baud, "journal": str(self._folder / "journal.db")}  # fmt: skip
        command = [sys.executable, str(HERE / "modbus_collector.py"), json.dumps(job)]
        return psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_ENVIRONMENT)

    def _read(self) -> Taken:
        journal = Journal(self._folder / "journal.db")
        at, batches = 0, []
        while entries := journal.read(at):
            batches += [entry for _, entry in entries if isinstance(entry, ReadingBatch)]
            at = entries[-1][0]
        journal.close()
        first = BY_NAME[VALUES[0]].code
        times: dict[int, list[np.ndarray]] = {}
        for batch in batches:
            rows = np.flatnonzero(batch.quantity == first)
            for place in np.unique(batch.meter):
                mine = rows[batch.meter[rows] == place]
                times.setdefault(int(batch.meters[place][1:]), []).append(batch.time[mine].astype(np.int64))
        wrong = sum(_wrong(batch, self._line.registers) for batch in batches)
        return Taken({m: np.concatenate(t) for m, t in times.items()}, sum(len(b) for b in batches), wrong)


def _wrong(batch: ReadingBatch, registers: int) -> int:
    """Values that are not those that the meter holds; known where a value is one register."""
    if registers != len(VALUES):
        return 0
    held = np.array([registers_of(int(name[1:]), registers) for name in batch.meters], np.float64)
    column = np.zeros(256, np.intp)
    column[[BY_NAME[name].code for name in VALUES]] = np.arange(len(VALUES))
    return int(np.count_nonzero(held[batch.meter, column[batch.quantity]] != batch.value))


class TelegrafRun(Run):
    """Telegraf, one `inputs.modbus` a connection with a request a unit, `outputs.file`; no journal."""

    def _start(self) -> psutil.Popen:
        program = telegraf_binary()
        if program is None:
            raise RuntimeError("Telegraf cannot be built here")
        config = self._folder / "telegraf.conf"
        config.write_text(self._config(), encoding="utf-8")
        return psutil.Popen([str(program), "--config", str(config)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)  # fmt: skip

    def _config(self) -> str:
        fields = ",".join(f'{{address={i},name="v{i}",type="UINT16"}}' for i in range(self._line.registers))
        text = _AGENT.format(period_s=self._line.period_s, out=self._folder / "out")
        for connection, port in enumerate(self._line.ports):
            text += _INPUT.format(connection=connection, port=port, mode="RTUoverTCP" if self._line.baud else "TCP")
            text += "".join(_REQUEST.format(unit=unit + 1, fields=fields) for unit in range(self._line.units))
        return text

    def _read(self) -> Taken:
        times: dict[int, list[int]] = {}
        values = wrong = 0
        for text in (self._folder / "out").read_text(encoding="utf-8").splitlines():
            tags, fields, at = text.split(" ")
            tag = dict(pair.split("=") for pair in tags.split(",")[1:])
            meter = int(tag["name"][1:]) * self._line.units + int(tag["slave_id"]) - 1
            times.setdefault(meter, []).append(int(at) // 1_000_000)
            found = {name: int(value[:-1]) for name, value in (pair.split("=") for pair in fields.split(","))}
            values += len(found)
            wrong += sum(found[f"v{i}"] != v for i, v in enumerate(registers_of(meter, self._line.registers)))
        return Taken({m: np.array(t) for m, t in times.items()}, values, wrong)


RUNS: dict[str, type[Run]] = {OURS: OurRun, TELEGRAF: TelegrafRun}


def rivals() -> list[str]:
    """Who runs here; Telegraf where it can be built."""
    return [OURS] if telegraf_binary() is None else [OURS, TELEGRAF]


@contextmanager
def running(who: str, line: Line) -> Iterator[Run]:
    """A collector on these meters; nothing of it stays."""
    with TemporaryDirectory(prefix="aquavolt-bench-") as folder, ExitStack() as stack:
        run = RUNS[who](Path(folder), line)
        stack.callback(run.kill)
        yield run


def settle(seconds: float, what: str) -> None:
    """Wait, and say for what."""
    print(f"    {what}: {seconds:.0f} s", file=sys.stderr, flush=True)
    time.sleep(seconds)
