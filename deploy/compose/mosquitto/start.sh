#!/bin/sh
# Makes the file of accounts from the environment, hashed, in memory only, and becomes the broker.
set -eu
umask 077
accounts=/run/mosquitto/accounts
printf 'collector:%s\nmeters:%s\n' "$MQTT_COLLECTOR_PASSWORD" "$MQTT_METERS_PASSWORD" >"$accounts"
mosquitto_passwd -U "$accounts"
exec mosquitto -c /mosquitto/config/mosquitto.conf
