"""The description of the API: valid, complete, and true of what is answered."""

import pytest

from ragkit.serving.app import ENDPOINTS, Rules, app
from ragkit.serving.openapi import document

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

TRUE = [not_a_server_error, content_type_conformance, response_schema_conformance,
        status_code_conformance]  # fmt: skip


def test_every_endpoint_is_described_and_can_be_tried(client):
    described = client.get("/openapi.json").json()
    assert described == document(ENDPOINTS)
    names = [
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
    ]
    assert len(set(names)) == len(names) == len(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_answers_are_as_described_whatever_is_sent(library, endpoint):
    library.warm()
    described = schemathesis.openapi.from_asgi(
        "/openapi.json", app(library, Rules(names=("testserver",)))
    )
    operation = described[endpoint.path][endpoint.method]
    modes = [schemathesis.GenerationMode.POSITIVE]
    if endpoint.body or endpoint.query or endpoint.path_schemas:  # else nothing can be wrong
        modes.append(schemathesis.GenerationMode.NEGATIVE)
    for mode in modes:

        @settings(max_examples=12, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def answered(case):
            case.call_and_validate(checks=TRUE)

        answered()
