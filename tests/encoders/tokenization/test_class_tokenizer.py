"""Where tokenizer.json and the class that the folder names disagree."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ragkit.encoders.resolve import load
from ragkit.encoders.tokenization import class_tokenizer
from tests.encoders.conftest import edit_json


def test_a_folder_that_agrees(tiny: Path) -> None:
    assert class_tokenizer.find_disagreement(tiny) is None


@pytest.mark.parametrize(
    ("file", "changes", "expected"),
    [
        ("tokenizer_config.json", {"do_lower_case": False}, "lowercase is True, do_lower_case is"),
        ("tokenizer_config.json", {"strip_accents": True}, "strip_accents is False"),
        ("tokenizer.json", {"normalizer": None}, "its normalizer is None"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Digits"}}, "its pre_tokenizer is Digits"),
    ],
)
def test_disagreements_are_named(
    tiny: Path, file: str, changes: dict[str, Any], expected: str
) -> None:
    edit_json(tiny / file, changes)
    assert expected in (class_tokenizer.find_disagreement(tiny) or "")
    edit_json(tiny / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    assert class_tokenizer.find_disagreement(tiny) is None


def test_the_warning_comes_once_and_not_for_queries(
    tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = json.loads((tiny / "tokenizer_config.json").read_text())
    (tiny / "tokenizer_config.json").write_text(json.dumps(config | {"do_lower_case": False}))
    with caplog.at_level(logging.WARNING, logger="ragkit"):
        load(str(tiny)).encode_queries(["the key"])
        assert not caplog.records
        for _ in range(2):
            load(str(tiny)).encode_passages(["the key"])
    assert [record.getMessage().count("disagree") for record in caplog.records] == [1]
