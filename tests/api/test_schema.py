"""Requests made up from the OpenAPI description: no answer outside of it, no fault of ours."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# The stream has no end; it has tests of its own.
OPERATIONS = 124


def test_no_made_up_request_is_answered_outside_of_the_description(served, listen):
    address = listen(served.app)
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    asked = 0
    for result in schema.exclude(path="/api/v1/stream").get_all_operations():
        operation = result.ok()
        asked += 1

        @settings(
            max_examples=30,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case):
            case.call_and_validate(base_url=address, checks=CHECKS)

        check()
    assert asked == OPERATIONS
