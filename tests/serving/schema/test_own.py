"""The schemas: valid JSON Schema, complete, and with every search option."""

import pytest

from ragkit.retrieval.options import SEARCH_OPTIONS
from ragkit.serving.schema.own import SCHEMAS

jsonschema = pytest.importorskip("jsonschema", reason="the reference is not installed")


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_valid_and_its_references_lead_somewhere(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    for reference in references(SCHEMAS[name]):
        assert reference.removeprefix("#/components/schemas/") in SCHEMAS


def test_a_search_request_has_every_search_option():
    properties = SCHEMAS["SearchRequest"]["properties"]
    assert set(properties) == {"query", "collection", "collections", *SEARCH_OPTIONS}
    assert all(properties[name]["description"] for name in SEARCH_OPTIONS)


def test_own_requests_refuse_unknown_names():
    for name in ("SearchRequest", "AskRequest", "IndexRequest"):
        assert SCHEMAS[name]["additionalProperties"] is False
