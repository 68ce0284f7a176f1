"""Token ids, spans and counts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.tokenization import tokenizer
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError

ODD = ["", " ", "\0", "a\ud800b", "👍🏽", "日 日", "[MASK] [SEP]", "é", "\u200b", "the\x85key"]


@pytest.fixture
def tiny_tokens(tiny: Path) -> ModelTokenizer:
    return ModelTokenizer(tiny / "tokenizer.json", 32)


def test_spans_are_character_offsets(tiny_tokens: ModelTokenizer) -> None:
    text = "👍🏽 日 the KEYS rotates é."
    pieces = [text[start:end] for start, end in tiny_tokens.token_spans(text)]
    assert pieces == ["👍🏽", "日", "the", "KEY", "S", "rot", "ates", "é", "."]
    assert tiny_tokens.token_spans(text).dtype == np.int64


def test_padding_and_truncation_of_the_file_are_disabled(tiny_tokens: ModelTokenizer) -> None:
    assert tiny_tokens.count_tokens(["the key", "the " * 500]) == [2, 500]
    assert len(tiny_tokens.token_spans("the " * 500)) == 500
    short, long = tiny_tokens.token_ids(["the key", "the " * 500])
    assert short == [2, 5, 6, 3]
    assert (len(long), long[0], long[-1]) == (32, 2, 3)


def test_a_prompt_shortens_the_text(tiny_tokens: ModelTokenizer) -> None:
    assert tiny_tokens.max_text_tokens("") == 30
    assert tiny_tokens.max_text_tokens("the key ") == 28
    assert tiny_tokens.token_ids(["every week"], "the key ") == [[2, 5, 6, 9, 10, 3]]


@pytest.mark.parametrize("text", ODD)
def test_unusual_strings_have_valid_spans(tiny_tokens: ModelTokenizer, text: str) -> None:
    spans = tiny_tokens.token_spans(text)
    assert spans.shape == (tiny_tokens.count_tokens([text])[0], 2)
    assert (spans >= 0).all()
    assert (spans <= len(text)).all()
    assert tiny_tokens.token_ids([text])[0][0] == 2
    assert tiny_tokens.token_ids([text, text]) == tiny_tokens.token_ids([text]) * 2


def test_a_lone_surrogate_keeps_the_offsets(tiny_tokens: ModelTokenizer) -> None:
    assert tiny_tokens.token_spans("\ud800\udc00\udfff key").tolist()[-1] == [4, 7]


def test_long_texts_are_tokenized_in_segments(
    tiny_tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "the key rotates. \n " * 200 + "x" * 1_000 + " week"
    spans = tiny_tokens.token_spans(text)
    monkeypatch.setattr(tokenizer, "_SEGMENT_CHARACTERS", 100)
    np.testing.assert_array_equal(tiny_tokens.token_spans(text), spans)
    assert tiny_tokens.count_tokens([text]) == [len(spans)]


def test_a_megabyte_without_spaces(tiny_tokens: ModelTokenizer) -> None:
    assert tiny_tokens.count_tokens(["x" * 1_000_000]) == [1]
    assert tiny_tokens.token_ids(["key." * 250_000])[0][:4] == [2, 6, 13, 6]


def test_threads_share_a_tokenizer(tiny_tokens: ModelTokenizer) -> None:
    texts = [["the key " * n, "week"] for n in range(200)]
    alone = [tiny_tokens.token_ids(pair) for pair in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tiny_tokens.token_ids, texts)) == alone


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot parse"):
        ModelTokenizer(tmp_path / "tokenizer.json", 32)


@pytest.mark.model
def test_the_real_tokenizer_counts_what_it_encodes(minilm: SentenceEncoder) -> None:
    text = "Rotating keys: every 90 days 👍🏽, 鍵のローテーション, naïve."
    spans = minilm.token_spans(text)
    assert minilm.count_tokens([text]) == [len(spans)]
    assert text[slice(*spans[-2])] == "naïve"
    assert minilm.window == 254


THAI = "พนักงานสามารถลาหยุดได้สามวัน"
HEADER = "the key rotates every week. " * 3


def test_texts_of_unknown_words_are_told(tiny_tokens: ModelTokenizer) -> None:
    texts = [
        THAI,
        f"the key {THAI}",
        f"{THAI[:5]} the key rotates",
        "👍🏽",
        "",
        "日 日",
        HEADER + THAI,
    ]
    ids, unread = tiny_tokens.checked_ids(texts, "", [0] * 6 + [len(HEADER)])
    assert ids == tiny_tokens.token_ids(texts)
    assert unread == [0, 1, 3, 6]
    for position, text in enumerate(texts):  # one text takes another way than a batch
        start = len(HEADER) if position == 6 else 0
        assert tiny_tokens.checked_ids([text], "", [start]) == (
            [ids[position]],
            [0] * (position in unread),
        )


def test_a_prompt_does_not_hide_that_a_text_cannot_be_read(tiny_tokens: ModelTokenizer) -> None:
    ids, unread = tiny_tokens.checked_ids([THAI, "the key"], "every week the key ", [0, 0])
    assert unread == [0]
    assert ids == tiny_tokens.token_ids([THAI, "the key"], "every week the key ")


def test_an_overlong_word_in_latin_letters_is_unknown_too(tiny_tokens: ModelTokenizer) -> None:
    assert tiny_tokens.checked_ids(["s" * 101], "", [0])[1] == [0]
    assert tiny_tokens.checked_ids(["the key. " * 8 + "s" * 101], "", [0])[1] == [0]
    text = "the rotates every week bank river " * 3 + "s" * 101
    assert tiny_tokens.count_tokens([text]) == [22]
    assert tiny_tokens.checked_ids([text], "", [0])[1] == [0]  # 81 of 182 letters are known
    text = "the rotates every week bank river " * 4 + "s" * 101
    assert tiny_tokens.checked_ids([text], "", [0])[1] == []  # 108 of 209


def test_only_what_the_model_reads_is_judged(tiny_tokens: ModelTokenizer) -> None:
    text = "the key " * 20 + THAI * 20  # the model reads 30 tokens
    assert tiny_tokens.checked_ids([text], "", [0])[1] == []


def _save(tokenizer: Tokenizer, folder: Path) -> ModelTokenizer:
    tokenizer.save(str(folder / "tokenizer.json"))
    return ModelTokenizer(folder / "tokenizer.json", 32)


def test_a_byte_level_vocabulary_reads_everything(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "<unk>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the key rotates"], trainer)
    assert _save(tokenizer, tmp_path).checked_ids([THAI, "<unk>"], "", [0, 0])[1] == []


@pytest.mark.parametrize(("byte_fallback", "unread"), [(False, [0]), (True, [])])
def test_a_unigram_vocabulary_reads_everything_only_with_a_fallback_to_bytes(
    tmp_path: Path, byte_fallback: bool, unread: list[int]
) -> None:
    pieces = [("<s>", 0.0), ("<unk>", 0.0), ("▁the", -1.0), ("▁key", -2.0), ("▁", -3.0)]
    pieces += [(f"<0x{byte:02X}>", -9.0) for byte in range(256)] if byte_fallback else []
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=1, byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    read = _save(tokenizer, tmp_path)
    assert (
        read.checked_ids([THAI, "the key", f"the key the key the {THAI[:4]}"], "", [0, 0, 0])[1]
        == unread
    )
    assert read.checked_ids([THAI], "", [0])[1] == unread
