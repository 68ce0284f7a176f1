"""Token estimates, by hand and beside the real tokenizer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.tokenization import estimate
from tests.conftest import REPOSITORY, SHARED


def test_token_spans_by_hand() -> None:
    text = "Rotating 12345 keys, naïve 日本 👍🏽\u00a0a\ud800\0"
    pieces = [text[start:end] for start, end in estimate.token_spans(text)]
    assert pieces == [
        "Rota", "ting", "12", "34", "5", "keys", ",", "na", "ï", "ve", "日", "本", "👍", "🏽",
        "a", "\ud800", "\0",
    ]  # fmt: skip
    assert estimate.count_tokens([text, "", " \n"]) == [17, 0, 0]
    assert estimate.token_spans("").shape == (0, 2)
    assert estimate.token_spans(text).dtype == np.int64


@pytest.mark.model
@pytest.mark.parametrize("suffix", [".md", ".txt", ".rst", ".c"])
def test_the_estimate_is_not_below_the_real_tokenizer(minilm: SentenceEncoder, suffix: str) -> None:
    """For no piece of 800 characters is the estimate more than a tenth below the count."""
    texts = [path.read_text("utf-8", "replace") for path in REPOSITORY.glob(f"data/**/*{suffix}")]
    pieces = [text[i : i + 800] for text in texts for i in range(0, len(text), 800)]
    assert pieces
    real, ours = np.array(minilm.count_tokens(pieces)), np.array(estimate.count_tokens(pieces))
    assert (ours >= 0.9 * real).all()
    assert ours.sum() <= 1.5 * real.sum()


@pytest.mark.model
def test_the_estimate_of_english_paragraphs_is_within_a_percent(minilm: SentenceEncoder) -> None:
    path = SHARED / "data" / "xquad-en" / "corpus.jsonl"
    if not path.is_file():
        pytest.skip("shared/data/xquad-en is not here")
    texts = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    real, ours = np.array(minilm.count_tokens(texts)), np.array(estimate.count_tokens(texts))
    assert (ours >= 0.99 * real).all()
