"""Telegraf from MQTT to InfluxDB, set up as a user would for many small messages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.fresh_influx import BUCKET, make_bucket
from deploy.services.influxd import Access

CLIENT_ID = "telegraf"
FILTER = "bench/+"
# Of the settings tried (batches of 500 to 5,000, intervals of 0.1 and 1 s) those with which it was fastest. Nothing is
# compressed on the way to the same machine, as with us.
_CONFIG = """[agent]
  flush_interval = "100ms"
  metric_batch_size = 5000
  metric_buffer_limit = 100000
  omit_hostname = true

[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["{filter}"]
  qos = 1
  persistent_session = true
  client_id = "{client_id}"
  max_undelivered_messages = 10000
  topic_tag = ""
  data_format = "json_v2"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "{filter}"
    tags = "_/meter"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "reading"
    timestamp_path = "time"
    timestamp_format = "unix_ms"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "water_volume"
      type = "float"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "flow_rate"
      type = "float"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "battery"
      type = "float"

[[outputs.influxdb_v2]]
  urls = ["{influx.url}"]
  token = "{influx.token}"
  organization = "{influx.org}"
  bucket = "{bucket}"
  content_encoding = "identity"
"""


@contextmanager
def running_telegraf(program: Path, folder: Path, broker_port: int, influx: Access) -> Iterator[psutil.Popen]:
    """Telegraf on these."""
    make_bucket(influx)
    config, log = folder / "telegraf.conf", folder / "telegraf.log"
    config.write_text(
        _CONFIG.format(
            port=broker_port, filter=FILTER, client_id=CLIENT_ID,
            influx=influx, bucket=BUCKET,
        ),
        encoding="utf-8",
    )  # fmt: skip
    with log.open("wb") as output:
        process = psutil.Popen([str(program), "--config", str(config)], cwd=folder, stdout=output, stderr=output)
    try:
        yield process
    except BaseException:
        sys.stderr.write(log.read_text(encoding="utf-8")[-3000:])
        raise
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)
