"""The line between collector and `watch` over TLS, with a certificate of one's own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from api.stream import EventStream
from aquavolt.http_server import listen, serving
from aquavolt.pushing.coverage import CURSOR as STORED
from aquavolt.pushing.intake import Intake
from aquavolt.pushing.link import HttpLink, LinkError
from aquavolt.pushing.server import ServerParts, create_server
from aquavolt.pushing.wire import Hello, WatchState
from collector.journal import Journal
from metering.health import HealthReport
from metering.site_document import parse_site

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
SITE = parse_site({"site": {"id": "campus", "name": "Campus", "timezone": "Asia/Shanghai"}, "meters": []})
NOW = np.datetime64("2026-11-01", "ms")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=watch", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", "req", *kind, *name, *files], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def url(certificate, tmp_path) -> Iterator[str]:
    journal = Journal(tmp_path / "watch.db", readers=("stream", STORED))
    intake = Intake(journal, lambda: SITE, lambda: NOW)
    state = WatchState(True, 1.0, "", HealthReport(NOW))
    app = create_server(ServerParts("t", intake, EventStream(), lambda: state, lambda _: None))
    listening, loop, ended = listen("127.0.0.1", 0), asyncio.new_event_loop(), asyncio.Event()
    files = {"ssl_certfile": str(certificate[0]), "ssl_keyfile": str(certificate[1])}

    async def run() -> None:
        async with serving(app, listening, **files):
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    loop.call_soon_threadsafe(ended.set)
    thread.join(20)
    loop.close()
    journal.close()


def test_a_certificate_that_is_named_is_trusted(url, certificate):
    link = HttpLink(url, "t", certificate[0])
    assert link.hello("main", Hello("e", "campus", ())).next == 0
    link.close()


def test_one_that_nobody_vouches_for_is_not(url):
    link = HttpLink(url, "t")
    with pytest.raises(LinkError, match="CERTIFICATE_VERIFY_FAILED"):
        link.hello("main", Hello("e", "campus", ()))
    link.close()
