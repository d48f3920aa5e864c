"""A token of InfluxDB that may read every bucket of the organisation and no more, made once and kept in a file.

reader_token.py FILE     AQUAVOLT_INFLUX_URL, _TOKEN and _ORG say where; a token that still works is left as it is
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_TIMEOUT_S = 20.0


class Server:
    """InfluxDB, as a token sees it."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token

    def call(self, path: str, document: Any = None) -> Any:
        """GET, or POST of a document; the answer's JSON.

        Raises:
            OSError: no answer, or none of success.
        """
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        body = None if document is None else json.dumps(document).encode()
        asked = urllib.request.Request(f"{self._url}{path}", body, headers)  # noqa: S310 - the server of our settings
        with _OPENER.open(asked, timeout=_TIMEOUT_S) as answer:
            return json.load(answer)

    def organisation(self, name: str) -> str:
        """Its id. Raises: OSError, it is not there or may not be seen."""
        found = self.call(f"/api/v2/orgs?org={urllib.parse.quote(name)}")["orgs"]
        if not found:
            raise OSError(f"there is no organisation {name}")
        return str(found[0]["id"])

    def reader_token(self, organisation: str) -> str:
        """A new one. Raises: OSError, it is refused."""
        resource = {"type": "buckets", "orgID": organisation}
        asked = {
            "orgID": organisation,
            "description": "Grafana: may read, and no more",
            "permissions": [{"action": "read", "resource": resource}],
        }
        return str(self.call("/api/v2/authorizations", asked)["token"])


def _works(url: str, kept: Path) -> bool:
    if not kept.exists():
        return False
    try:
        Server(url, kept.read_text(encoding="utf-8")).call("/api/v2/buckets?limit=1")
    except urllib.error.HTTPError:
        return False
    return True


def main() -> int:
    """0 once the file has a token that works."""
    kept = Path(sys.argv[1])
    url, org = os.environ["AQUAVOLT_INFLUX_URL"], os.environ["AQUAVOLT_INFLUX_ORG"]
    server = Server(url, os.environ["AQUAVOLT_INFLUX_TOKEN"])
    try:
        if not _works(url, kept):
            kept.write_text(server.reader_token(server.organisation(org)), encoding="utf-8")
    except OSError as error:
        print(f"InfluxDB at {url} gives no token: {error}", file=sys.stderr)  # noqa: T201 - docker shows it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
