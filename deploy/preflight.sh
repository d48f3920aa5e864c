#!/bin/sh
# What the machine must have before `make` can do its work: everything missing is told at once, in one line to copy.
# As root on Debian it is installed. Usage: preflight.sh build|test   (PYTHON names the interpreter)
set -eu

purpose=${1:-build}
python=${PYTHON:-python3}

has() { command -v "$1" >/dev/null 2>&1; }

# The Debian packages that are missing, on one line.
missing() {
    if ! has "$python"; then
        printf 'python3 python3-venv '
    # Debian ships venv and its bundled pip apart from python3.
    elif ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        printf 'python3-venv '
    fi
    has npm || printf 'npm '
    [ "$purpose" = test ] || return 0
    has mosquitto || [ -x /usr/sbin/mosquitto ] || printf 'mosquitto '
    has chromium || printf 'chromium '
    has mbpoll || printf 'mbpoll '
    has promtool || printf 'prometheus '
    # The pages are Chinese: without its glyphs a browser test would measure empty boxes.
    [ -d /usr/share/fonts/opentype/noto ] || printf 'fonts-noto-cjk '
}

if [ "$python" != python3 ] && ! has "$python"; then
    echo "there is no interpreter $python" >&2
    exit 1
fi
if has "$python" && ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "AquaVolt needs Python 3.11 or later; $python is $("$python" --version 2>&1)." >&2
    echo "Name another one:  make setup PYTHON=python3.12" >&2
    exit 1
fi

packages=$(missing)
[ -n "$packages" ] || exit 0
install="apt-get install --yes --no-install-recommends ${packages% }"

if [ "$(id -u)" = 0 ] && has apt-get; then
    echo "==> Debian packages: ${packages% }"
    # Only programs are wanted; a runlevel of 1 keeps Debian from starting the services of mosquitto and prometheus.
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $install >/dev/null
    packages=$(missing)
    [ -n "$packages" ] || exit 0
    echo "still missing after the installation: ${packages% }; is it hidden from PATH ($PATH)?" >&2
    exit 1
fi

echo "missing: ${packages% }. On Debian and Ubuntu install with:" >&2
echo "    sudo $install" >&2
exit 1
