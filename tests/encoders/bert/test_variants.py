"""The padding token decides where positions begin."""

from __future__ import annotations

from ragkit.encoders.bert.variants import VARIANTS


def test_positions_begin_after_the_padding_token_of_the_config() -> None:
    assert VARIANTS["bert"].padding({"pad_token_id": 0}) is None
    assert VARIANTS["distilbert"].padding({"pad_token_id": 0}) is None
    assert VARIANTS["roberta"].padding({"pad_token_id": 5}) == 5
    assert VARIANTS["xlm-roberta"].padding({}) == 1
    assert VARIANTS["mpnet"].padding({"pad_token_id": None}) == 1
