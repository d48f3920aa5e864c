"""The two buckets: found, or made on first start."""

from __future__ import annotations

import structlog
from influxdb_client import BucketRetentionRules
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from aquavolt.stores.influx.faults import InfluxError
from aquavolt.stores.influx.http import InfluxHttp, api_error

_log = structlog.get_logger(__name__)
_DAY_S = 86_400
_NOT_FOUND = 404


def ensure_buckets(http: InfluxHttp) -> str:
    """Make what is missing; the id of the bucket of readings. A bucket that is there stays as it is.

    Raises:
        InfluxError: the server does not answer, or the token may not do it.
    """
    settings = http.settings
    try:
        found = _ensure(http, settings.bucket, settings.retention_days)
        _ensure(http, settings.derived_bucket, None)
    except ApiException as error:
        raise api_error(error) from error
    except InfluxDBError as error:  # the library's own finding: no such organisation
        raise InfluxError(_NOT_FOUND, str(error)) from error
    except (HTTPError, OSError) as error:
        raise InfluxError(0, f"{type(error).__name__}: {error}") from error
    return found


def _ensure(http: InfluxHttp, name: str, days: float | None) -> str:
    api = http.client.buckets_api()
    wanted = 0 if days is None else int(days * _DAY_S)
    found = api.find_bucket_by_name(name)
    if found is None:
        rules = [BucketRetentionRules(type="expire", every_seconds=wanted)] if wanted else []
        made = api.create_bucket(bucket_name=name, retention_rules=rules, org=http.settings.org)
        _log.info("InfluxDB bucket made", bucket=name, retention_days=days)
        return str(made.id)
    has = sum(rule.every_seconds or 0 for rule in found.retention_rules or ())
    if has != wanted:
        # It may be shared, and shortening it deletes data: that is for whoever runs the server.
        _log.warning(
            "the bucket keeps points for another time than the settings say; it is left as it is",
            bucket=name, bucket_days=has / _DAY_S or None, settings_days=days,
        )  # fmt: skip
    return str(found.id)
