"""A site's meters read together: when it ends, what has arrived is in the journal."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aquavolt.clock import utc_ms
from aquavolt.collecting import Collecting
from aquavolt.config.documents import load_site
from aquavolt.config.settings import Settings
from collector.counts import Counts
from collector.journal import Journal
from collector.journal_sink import JournalSink
from device_profiles import load_profile
from simulators.modbus.image import ProfileImage
from simulators.modbus.server import ModbusServer, SimulatedUnit

SITE = """
site: {id: campus, name: Campus, timezone: Asia/Shanghai}
nodes: [{id: campus, kind: campus}]
meters:
  - {id: e-framed, medium: electricity, node: campus, profile: dlt645-2007, connection: "rtu+tcp://127.0.0.1:1",
      device_address: "260300000114", poll_s: 30}
"""
METER = """
  - {{id: e-{port}, medium: electricity, node: campus, profile: eastron-sdm120, connection: "tcp://127.0.0.1:{port}",
      device_address: "1", poll_s: 1}}
"""
LINES = 8  # each takes its time to end


def test_a_reply_that_waits_for_others_is_taken_before_the_end(tmp_path: Path) -> None:
    journal, counts = Journal(tmp_path / "journal.db", readers=("live",)), Counts()

    async def run() -> None:
        answered = asyncio.Event()

        def values() -> dict[str, float]:
            answered.set()
            return {"voltage_l1": 230.0, "active_energy_import": 1234.5}

        image = ProfileImage(load_profile("eastron-sdm120"), values)
        servers = [ModbusServer({1: SimulatedUnit(image)}) for _ in range(LINES)]
        meters = [METER.format(port=await server.start("127.0.0.1", 0)) for server in servers]
        (tmp_path / "site.yaml").write_text(SITE + "".join(meters))
        site, _ = load_site(tmp_path / "site.yaml")
        sink = JournalSink(journal)
        reading = asyncio.create_task(Collecting(Settings(), journal, sink, counts).run(site))
        await asyncio.wait_for(answered.wait(), 20)
        await asyncio.sleep(0.05)  # the reply is there, and waits 0.2 s for others that may come
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await sink.close()
        for server in servers:
            await server.stop()

    asyncio.run(run())
    meters = counts.report(utc_ms(), journal).meters
    assert not [m.last_error for m in meters if "not taken" in m.last_error]
    assert sum(len(entry) for _, entry in journal.read(0)) == sum(meter.received for meter in meters) > 0
    journal.close()
