"""The schemas are valid; tests/serving/schema/test_own.py resolves their references."""

import pytest

from ragkit.serving.schema.lookup import LOOKUP


@pytest.mark.parametrize("name", LOOKUP)
def test_each_schema_is_valid_and_closed(name):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(LOOKUP[name])
    assert LOOKUP[name]["additionalProperties"] is False
