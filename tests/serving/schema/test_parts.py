"""The constructors of schemas."""

from ragkit.serving.schema.parts import STRING, array_schema, object_schema, ref


def test_an_object_refuses_other_properties_unless_they_are_allowed():
    assert object_schema({"a": STRING}, "a") == {
        "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
        "additionalProperties": False,
    }  # fmt: skip
    assert object_schema({}, allow_others=True) == {"type": "object", "properties": {}}


def test_an_array_has_a_maximum_only_where_one_is_given():
    assert array_schema(STRING) == {"type": "array", "items": {"type": "string"}}
    assert array_schema(STRING, 3)["maxItems"] == 3


def test_a_reference_is_a_json_pointer_into_the_openapi_document():
    assert ref("Hit") == {"$ref": "#/components/schemas/Hit"}
