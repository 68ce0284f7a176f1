"""Whether a value is what a JSON Schema asks for: the part of the language that our API uses.

Requests are checked by the very schemas that `/openapi.json` shows, so the two cannot differ.
Keywords: $ref (into `SCHEMAS`), type, enum, minimum, maximum, minLength, maxLength, pattern,
minItems, maxItems, items, properties, required, additionalProperties, anyOf. Knows no HTTP.
"""

from __future__ import annotations

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
_SHOWN = 60  # characters of a wrong value


class WrongValueError(UsageError):
    """A value that its schema does not allow; `param` says where it stands."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param or 'the body'} {message}")
        self.param = param or None


def check(value: object, schema: Schema, place: str = "") -> None:
    """Raises WrongValueError with what was found and what was expected."""
    schema = resolved(schema)
    if "anyOf" in schema:
        _check_any(value, schema["anyOf"], place)
        return
    if "type" in schema and not _is(value, schema["type"]):
        raise WrongValueError(place, f"is {_shown(value)}; expected {_named(schema['type'])}")
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(map(str, schema["enum"]))
        raise WrongValueError(place, f"is {_shown(value)}; expected one of {allowed}")
    if isinstance(value, str):
        _check_string(value, schema, place)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_number(value, schema, place)
    elif isinstance(value, list):
        _check_array(value, schema, place)
    elif isinstance(value, dict):
        _check_object(value, schema, place)


def resolved(schema: Schema) -> Schema:
    """The schema that a $ref means."""
    reference = schema.get("$ref")
    return schema if reference is None else SCHEMAS[reference.rpartition("/")[2]]


def from_text(text: str, schema: Schema, place: str) -> object:
    """A value of a query string or path, as its schema has it. Raises WrongValueError."""
    kind = resolved(schema).get("type")
    value: object = text
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text):
        value = int(text)
    elif kind == "number" and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        value = float(text)
    elif kind == "boolean" and text in ("true", "false"):
        value = text == "true"
    check(value, schema, place)
    return value


def _is(value: object, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return "boolean" in names
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return any(isinstance(value, _TYPES[name]) for name in names)


def _named(wanted: str | list[str]) -> str:
    return wanted if isinstance(wanted, str) else " or ".join(wanted)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _check_any(value: object, schemas: list[Schema], place: str) -> None:
    wrong: list[WrongValueError] = []
    for schema in schemas:
        try:
            check(value, schema, place)
            return
        except WrongValueError as error:
            wrong.append(error)
    # The one that got furthest into the value knows best what is wrong with it.
    raise max(wrong, key=lambda error: len(error.param or ""))


def _check_string(value: str, schema: Schema, place: str) -> None:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if not least <= len(value) <= most:
        raise WrongValueError(place, f"has {len(value):,} characters; {_bounds(least, most)}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise WrongValueError(place, f"is {_shown(value)}; expected {schema['pattern']}")


def _check_number(value: float, schema: Schema, place: str) -> None:
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not least <= value <= most:
        raise WrongValueError(place, f"is {_shown(value)}; {_bounds(least, most)}")


def _check_array(value: list[object], schema: Schema, place: str) -> None:
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if not least <= len(value) <= most:
        raise WrongValueError(place, f"has {len(value):,} items; {_bounds(least, most)}")
    if "items" in schema:
        for position, each in enumerate(value):
            check(each, schema["items"], f"{place}[{position}]")


def _check_object(value: dict[str, object], schema: Schema, place: str) -> None:
    known = schema.get("properties", {})
    dot = f"{place}." if place else ""
    for name in schema.get("required", ()):
        if name not in value:
            raise WrongValueError(dot + name, "is missing")
    for name, each in value.items():
        if name in known:
            check(each, known[name], dot + name)
        elif schema.get("additionalProperties") is False:
            raise WrongValueError(dot + name[:_SHOWN], f"is not known; expected {', '.join(known)}")


def _bounds(least: float, most: float) -> str:
    if most == math.inf:
        return f"expected {least:,} or more"
    return f"expected {least:,} to {most:,}"
