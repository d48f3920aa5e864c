#!/bin/sh
# Writes .env for docker-compose.yml: .env.example with a random word for each empty secret. A .env that is there keeps
# what it has; only what is empty or missing in it is filled in. --demo: the simulated campus, with Grafana.
set -eu
cd "$(dirname "$0")/../.."
target=${ENV_FILE:-.env}
config=$(dirname "$target")/config
# Before the umask: the containers read it as a user of their own.
mkdir -p -m 755 "$config"
umask 077

word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

[ -e "$target" ] || cp .env.example "$target"
chmod 600 "$target"

for name in AQUAVOLT_TOKEN AQUAVOLT_WATCH_TOKEN AQUAVOLT_INFLUX_TOKEN INFLUX_PASSWORD MQTT_COLLECTOR_PASSWORD \
    MQTT_METERS_PASSWORD GRAFANA_PASSWORD POSTGRES_PASSWORD; do
    if grep -q "^$name=." "$target"; then
        continue
    elif grep -q "^$name=" "$target"; then
        sed -i "s/^$name=\$/$name=$(word)/" "$target"
    else
        echo "$name=$(word)" >>"$target"
    fi
done

if [ "${1:-}" = --demo ]; then
    sed -i -e 's|^COMPOSE_PROFILES=$|COMPOSE_PROFILES=simulators,grafana|' \
        -e 's|^AQUAVOLT_SITE=/config/site.yaml$|AQUAVOLT_SITE=/demo/site.yaml|' "$target"
fi

echo "$target is ready. Next:"
[ "${1:-}" = --demo ] || echo "    put your site.yaml (and aquavolt.yaml, if you have settings) into config/"
echo "    docker compose up --detach --wait"
echo "    the page: http://127.0.0.1:8000, account admin; its first password: docker compose logs api | grep one-time"
