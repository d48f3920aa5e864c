#!/bin/sh
# What the machine must have before `make` can do its work: everything missing is told at once, in one line to copy.
# As root on Debian it is installed. Usage: preflight.sh build|test   (PYTHON names the interpreter)
set -eu

python=${PYTHON:-python3}
missing=""
need() { missing="$missing $1"; }

if ! command -v "$python" >/dev/null 2>&1; then
    need python3
    need python3-venv
else
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "AquaVolt needs Python 3.11 or later; $python is $("$python" --version 2>&1). Name another: make PYTHON=python3.12" >&2
        exit 1
    }
    # Debian ships venv and its bundled pip apart from python3.
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || need python3-venv
fi
command -v npm >/dev/null 2>&1 || need npm

if [ "${1:-build}" = test ]; then
    [ -x /usr/sbin/mosquitto ] || command -v mosquitto >/dev/null 2>&1 || need mosquitto
    command -v chromium >/dev/null 2>&1 || need chromium
    [ -d /usr/share/fonts/opentype/noto ] || need fonts-noto-cjk
fi

[ -z "$missing" ] && exit 0
command="apt-get install --yes --no-install-recommends$missing"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "==> Debian packages:$missing"
    # A broker of the system's own, started on install, is none of ours: ours run on free ports.
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $command >/dev/null
    exit 0
fi
echo "missing:$missing. Install with:" >&2
echo "    sudo $command" >&2
exit 1
