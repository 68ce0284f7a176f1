"""Options of a model: validation and storage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ragkit.encoders import spec
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import ModelError, UsageError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"precision": "fp7"}, "precision is 'fp7'; expected one of fp32, int8"),
        ({"dimensions": 0}, "dimensions is 0; expected 1 or more"),
        ({"dimensions": -3}, "dimensions is -3"),
        ({"window": 3, "base_url": "http://x"}, "window is 3; expected 16"),
        ({"window": 512}, "name its base_url"),
        ({"tokenizer": "x"}, "name its base_url"),
        ({"precision": "int8", "base_url": "http://x"}, "http://x decides how it computes"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ModelSpec("m", **options)


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        ({}, {}),
        ({"precision": "int8", "dimensions": 8}, {"precision": "int8", "dimensions": 8}),
        (
            {"base_url": "https://x/v1", "window": 64, "tokenizer": "t", "probe": "AA=="},
            {"base_url": "https://x/v1", "window": 64, "tokenizer": "t", "probe": "AA=="},
        ),
    ],
)
def test_stored_options_contain_no_key(options: dict[str, Any], stored: dict[str, Any]) -> None:
    model_spec = ModelSpec("m", **options, api_key_env="MY_KEY")
    assert json.loads(model_spec.options) == stored  # no trace of the key
    assert spec.parse_spec("m", model_spec.options) == model_spec
    assert spec.parse_spec("m", model_spec.options).api_key_env is None


def test_an_option_of_a_later_version_is_ignored() -> None:
    assert spec.parse_spec("m", '{"dimensions": 8, "colour": "red"}') == ModelSpec(
        "m", dimensions=8
    )


def test_a_spec_is_written_without_its_key() -> None:
    assert str(ModelSpec("m")) == "m"
    assert str(ModelSpec("m", "int8", 8)) == "m (8 dimensions, int8)"
    assert str(ModelSpec("m", base_url="http://x/v1")) == "m at http://x/v1"
    assert "MY_KEY" not in repr(ModelSpec("m", api_key_env="MY_KEY"))


@pytest.mark.parametrize(
    "options",
    [
        "", "{", "[]", '"x"', "3", "[" * 2000, '{"dimensions": "8"}', '{"dimensions": true}',
        '{"base_url": 3}', '{"tokenizer": ["a"]}', '{"probe": null}', '{"precision": {}}',
        '{"precision": "fp7"}', '{"dimensions": 0}', '{"window": -5, "base_url": "http://a"}',
    ],
)  # fmt: skip
def test_stored_options_that_ragkit_does_not_write_are_a_model_error(options: str) -> None:
    with pytest.raises(ModelError, match=r"entry of its model 'm' is damaged.*index --rebuild"):
        spec.parse_spec("m", options)
