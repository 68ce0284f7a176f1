"""The description of the API: valid, complete, and true of what is answered."""

import pytest

from ragkit.serving.api.openapi import build_document
from ragkit.serving.app import ENDPOINTS, ServerOptions, create_app

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

THERE = {"vector_store_id": "default", "model": "default", "file_id": "file-1", "document_id": 1,
         "reference": "leave.txt"}  # fmt: skip
TRUE = [not_a_server_error, content_type_conformance, response_schema_conformance,
        status_code_conformance]  # fmt: skip


def test_every_endpoint_is_described(client):
    described = client.get("/openapi.json").json()
    assert described == build_document(ENDPOINTS)
    names = [
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
    ]
    assert len(set(names)) == len(names) == len(ENDPOINTS)


def name_what_is_there(case):
    """Replace random names by existing ones, so that valid requests succeed."""
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            values.pop("collection", None)
            values.update({name: value for name, value in THERE.items() if name in values})


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}"
)
def test_responses_conform_to_the_document_for_generated_requests(library, endpoint):
    library.warm()
    described = schemathesis.openapi.from_asgi(
        "/openapi.json", create_app(library, ServerOptions(host_names=("testserver",)))
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
            if mode is schemathesis.GenerationMode.POSITIVE:  # noqa: B023 (called at once)
                name_what_is_there(case)
            case.call_and_validate(checks=TRUE, timeout=600)  # no test asserts a time

        answered()
