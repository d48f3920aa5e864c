"""Requests to one InfluxDB server through its own client library: connections are kept and shared by all threads."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from aquavolt.stores.influx.faults import InfluxError, error_of
from aquavolt.stores.influx.flux import Node
from aquavolt.stores.influx.settings import InfluxSettings

_CONNECTIONS = 6
_READ_BYTES = 256 << 10
_GZIP_LEVEL = 1  # a tenth of the time of the usual level for nearly the same size
_GZIP_WINDOW = 31


class InfluxHttp:
    """Writes and queries, each tried once."""

    def __init__(self, settings: InfluxSettings) -> None:
        self.settings = settings
        self.client = InfluxDBClient(
            url=settings.url,
            token=settings.token,
            org=settings.org,
            timeout=int(settings.timeout_s * 1000),
            connection_pool_maxsize=_CONNECTIONS,
        )
        self._is_plain = settings.is_loopback
        self._rest = self.client.api_client.rest_client
        self._headers = {**self.client.api_client.default_headers, "Accept-Encoding": "identity"}
        if not self._is_plain:
            self._headers["Accept-Encoding"] = "gzip"

    def write(self, bucket: str, lines: bytes) -> None:
        """Write line protocol; when it returns the server has it on disk.

        Raises:
            InfluxError: some or all of it was refused, or nobody knows.
        """
        headers = {**self._headers, "Content-Type": "text/plain; charset=utf-8"}
        if not self._is_plain:
            headers["Content-Encoding"] = "gzip"
            lines = zlib.compress(lines, _GZIP_LEVEL, _GZIP_WINDOW)
        self._request("write", {"bucket": bucket, "precision": "ms"}, headers, lines).drain_conn()

    def query(self, asked: Node) -> Iterator[bytes]:
        """The answer to a query of `flux.query`, as it comes.

        Raises:
            InfluxError: the query was refused, or the answer broke off.
        """
        headers = {**self._headers, "Content-Type": "application/json", "Accept": "text/csv"}
        answer = self._request("query", {}, headers, asked)
        try:
            yield from answer.stream(_READ_BYTES, decode_content=True)
        except (HTTPError, OSError) as error:
            answer.close()
            raise InfluxError(0, f"the answer broke off: {error}") from error
        finally:
            answer.release_conn()

    def _request(self, path: str, parameters: dict[str, str], headers: dict[str, str], body: bytes | Node) -> Any:
        url = f"{self.settings.url.rstrip('/')}/api/v2/{path}"
        asked = {"org": self.settings.org, **parameters}
        try:
            return self._rest.request("POST", url, asked, headers, body, _preload_content=False)
        except ApiException as error:
            raise api_error(error) from error
        except (HTTPError, OSError) as error:
            raise InfluxError(0, f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self._rest.pool_manager.clear()


def api_error(error: ApiException) -> InfluxError:
    """The client library's error as ours."""
    body = error.body if error.body is not None else error.reason or ""
    return error_of(int(error.status or 0), body, error.headers or {})
