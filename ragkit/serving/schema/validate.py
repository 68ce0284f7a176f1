"""Validate a value against a JSON Schema: the part of the specification that our APIs use.

Requests are validated by the same schemas that `/openapi.json` and the MCP tools publish, so the
two cannot differ. Keywords: $ref (into `SCHEMAS`), type, enum, minimum, maximum, minLength,
maxLength, pattern, minItems, maxItems, items, properties, required, additionalProperties, anyOf,
and `x-expected`: what a message says instead of the type's name. bench/RESULTS.md compares this
module with libraries. Knows no HTTP.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from ragkit.errors import UsageError
from ragkit.serving.schema.own import SCHEMAS

Schema = Mapping[str, Any]
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list,
    "object": dict, "null": type(None),
}  # fmt: skip
_MAX_SHOWN = 60  # characters of an invalid value in a message


class InvalidValueError(UsageError):
    """A value that its schema does not allow; `param` is its path: `messages[0].content`."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param or 'the body'} {message}")
        self.param = param or None


def validate(value: object, schema: Schema, path: str = "") -> None:
    """Check a JSON value.

    Raises InvalidValueError, with what was found and what was expected, for the first error.
    """
    schema = resolve(schema)
    if "anyOf" in schema:
        _validate_any(value, schema["anyOf"], path)
        return
    if "type" in schema and not _has_type(value, schema["type"]):
        expected = schema.get("x-expected") or _type_names(schema["type"])
        raise InvalidValueError(path, f"is {_shorten(value)}; expected {expected}")
    if "enum" in schema and value not in schema["enum"]:
        expected = ", ".join(map(str, schema["enum"]))
        raise InvalidValueError(path, f"is {_shorten(value)}; expected one of {expected}")
    if isinstance(value, str):
        _validate_string(value, schema, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _validate_number(value, schema, path)
    elif isinstance(value, list):
        _validate_array(value, schema, path)
    elif isinstance(value, dict):
        _validate_object(value, schema, path)


def normalize_numbers(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Return the JSON value with whole numbers as int: 3.0 is an integer in JSON Schema, and some
    clients write every number that way."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [normalize_numbers(item) for item in value]
    if isinstance(value, dict):
        return {name: normalize_numbers(item) for name, item in value.items()}
    return value


def resolve(schema: Schema) -> Schema:
    """Return the schema that a $ref refers to, or `schema` itself."""
    reference = schema.get("$ref")
    return schema if reference is None else SCHEMAS[reference.rpartition("/")[2]]


def parse_parameter(text: str, schema: Schema, name: str) -> object:
    """Return the value of a query-string or path parameter: str, int, float or bool.

    Raises InvalidValueError if the schema does not allow it.
    """
    kind = resolve(schema).get("type")
    value: object = text
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text):
        value = int(text)
    elif kind == "number" and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        value = float(text)
    elif kind == "boolean" and text in ("true", "false"):
        value = text == "true"
    validate(value, schema, name)
    return value


def _has_type(value: object, expected: str | list[str]) -> bool:
    names = [expected] if isinstance(expected, str) else expected
    if isinstance(value, bool):
        return "boolean" in names
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, float) and value.is_integer() and "integer" in names:
        return True
    return any(isinstance(value, _TYPES[name]) for name in names)


def _type_names(expected: str | list[str]) -> str:
    return expected if isinstance(expected, str) else " or ".join(expected)


def _shorten(value: object) -> str:
    """The value as its sender wrote it (null, not None), cut to `_MAX_SHOWN` characters."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _validate_any(value: object, schemas: list[Schema], path: str) -> None:
    errors: list[tuple[bool, int, InvalidValueError]] = []
    for schema in map(resolve, schemas):
        try:
            validate(value, schema, path)
            return
        except InvalidValueError as error:
            has_type = "type" in schema and _has_type(value, schema["type"])
            errors.append((has_type, len(error.param or ""), error))
    # The alternative that was most likely meant has the value's type and an error deep inside it.
    has_type, _, deepest = max(errors, key=lambda item: item[:2])
    if has_type or any("type" not in schema for schema in map(resolve, schemas)):
        raise deepest
    expected = " or ".join(
        schema.get("x-expected") or _type_names(schema["type"]) for schema in map(resolve, schemas)
    )
    raise InvalidValueError(path, f"is {_shorten(value)}; expected {expected}")


def _validate_string(value: str, schema: Schema, path: str) -> None:
    low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if not low <= len(value) <= high:
        raise InvalidValueError(path, f"has {len(value):,} characters; {_expected(low, high)}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise InvalidValueError(path, f"is {_shorten(value)}; expected {schema['pattern']}")


def _validate_number(value: float, schema: Schema, path: str) -> None:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not low <= value <= high:
        raise InvalidValueError(path, f"is {_shorten(value)}; {_expected(low, high)}")


def _validate_array(value: list[object], schema: Schema, path: str) -> None:
    low, high = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if not low <= len(value) <= high:
        raise InvalidValueError(path, f"has {len(value):,} items; {_expected(low, high)}")
    if "items" in schema:
        for position, item in enumerate(value):
            validate(item, schema["items"], f"{path}[{position}]")


def _validate_object(value: dict[str, object], schema: Schema, path: str) -> None:
    properties = schema.get("properties", {})
    prefix = f"{path}." if path else ""
    for name in schema.get("required", ()):
        if name not in value:
            raise InvalidValueError(prefix + name, "is missing")
    for name, item in value.items():
        if name in properties:
            validate(item, properties[name], prefix + name)
        elif schema.get("additionalProperties") is False:
            expected = ", ".join(properties) or "none"
            raise InvalidValueError(
                prefix + name[:_MAX_SHOWN], f"is not known; expected {expected}"
            )


def _expected(low: float, high: float) -> str:
    if high == math.inf:
        return f"expected {low:,} or more"
    return f"expected {low:,} to {high:,}"
