"""Questions to InfluxDB about one site: which points, and what Flux makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aquavolt.stores.influx import flux
from aquavolt.stores.influx.annotated_csv import AnswerError, Columns, parse
from aquavolt.stores.influx.faults import InfluxError
from aquavolt.stores.influx.flux import Node
from aquavolt.stores.influx.http import InfluxHttp
from aquavolt.stores.influx.identifiers import tag_of
from aquavolt.stores.influx.lines import Measurement
from aquavolt.stores.influx.patience import Patience
from metering.ports import StoreUnavailableError

BEGINNING, END = np.datetime64("1970-01-01", "ms"), np.datetime64("2200-01-01", "ms")
# With more meters than this, reading those that were not asked for costs less than sorting them out in the server.
_MOST_METERS = 400
_KEPT = ("_time", "_value", "meter", "quantity")


class Asking:
    """Runs queries until they are answered. For any thread."""

    def __init__(self, http: InfluxHttp, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    def ask(
        self,
        kind: Measurement,
        start: np.datetime64,
        end: np.datetime64,
        *steps: Node,
        field: str | None = None,
        meters: Sequence[str] | None = None,
        quantities: Sequence[str] | None = None,
        condition: Node | None = None,
    ) -> Columns:
        """Points in [start, end) of the measurement's number (or another field), after these steps of Flux.

        Of many meters the answer may have others too. Nothing is asked where the answer is known to be empty.

        Raises:
            StoreUnavailableError: there is no answer.
        """
        if start >= end or (meters is not None and not meters) or (quantities is not None and not quantities):
            return parse(())
        settings = self._http.settings
        conditions = [
            flux.compare("==", "_measurement", flux.string(kind.name)),
            flux.compare("==", "_field", flux.string(field or kind.field)),
            flux.compare("==", "site", flux.string(tag_of(settings.site))),
            *_one_of("quantity", quantities),
            *_one_of("meter", None if meters is None else [tag_of(meter) for meter in meters]),
            *([] if condition is None else [condition]),
        ]
        bucket = settings.derived_bucket if kind.is_derived else settings.bucket
        expression = flux.pipe(
            flux.call("from", bucket=flux.string(bucket)),
            flux.call("range", start=flux.moment(start), stop=flux.moment(end)),
            flux.where(flux.all_of(conditions)),
            *steps,
            flux.call("keep", columns=flux.strings(_KEPT)),
        )
        return self._answer(flux.query(expression))

    def _answer(self, query: Node) -> Columns:
        def request() -> Columns:
            try:
                return parse(self._http.query(query))
            except AnswerError as error:
                raise InfluxError(0, str(error)) from error

        try:
            return self._patience.run(request)
        except InfluxError as error:
            raise StoreUnavailableError(f"InfluxDB refuses a query: {error}") from error


def _one_of(tag: str, values: Sequence[str] | None) -> list[Node]:
    if values is None or len(values) > _MOST_METERS:
        return []
    return [flux.any_of([flux.compare("==", tag, flux.string(value)) for value in values])]
