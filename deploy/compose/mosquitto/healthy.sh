#!/bin/sh
# Whether the broker lets the collector in and answers it; the uptime is a retained message.
set -eu
exec mosquitto_sub -p 1883 -u collector -P "$MQTT_COLLECTOR_PASSWORD" -t '$SYS/broker/uptime' -C 1 -W 4
