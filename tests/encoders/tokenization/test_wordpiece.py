"""WordPiece in Python against the library, string by string."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from ragkit import user_dirs
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.tokenization import wordpiece
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.encoders.tokenization.vocabulary import Vocabulary
from ragkit.encoders.tokenization.wordpiece import WordPiece

LETTERS = "abcdeéèüßæøåñçžłşğı .,;-'’İŁſǅǆ§¶·´¨ªº²½×÷\t\n\xa0"


def strings(vocabulary: list[str], count: int) -> Iterator[str]:
    """Words of the vocabulary, letters of many languages, any characters, special tokens."""
    rng = random.Random(20)
    for _ in range(count):
        kind = rng.random()
        if kind < 0.4:
            words = (rng.choice(vocabulary).removeprefix("##") for _ in range(rng.randint(1, 12)))
            yield rng.choice([" ", "", "-"]).join(words)
        elif kind < 0.7:
            yield "".join(rng.choices(LETTERS, k=rng.randint(0, 130)))
        elif kind < 0.95:
            yield "".join(chr(rng.randint(32, 0x24F)) for _ in range(rng.randint(0, 40)))
        else:
            yield "".join(chr(rng.randint(0, 0xD7FF)) for _ in range(rng.randint(1, 20)))


@pytest.mark.model
@pytest.mark.slow
def test_equal_to_the_library_on_100_000_strings(minilm: SentenceEncoder) -> None:
    path = minilm.model_folder.transformer / "tokenizer.json"
    library, ours = Tokenizer.from_file(str(path)), WordPiece.read(path)
    library.no_padding()
    library.no_truncation()
    assert ours is not None
    answered = 0
    texts = list(strings(list(library.get_vocab()), 100_000))
    for start in range(0, len(texts), 5_000):
        part = texts[start : start + 5_000]
        for text, theirs in zip(
            part, library.encode_batch(part, add_special_tokens=False), strict=True
        ):
            mine = ours.token_ids(text)
            assert mine is None or mine == theirs.ids, repr(text)
            answered += mine is not None
    assert answered > 40_000


def read(folder: Path) -> WordPiece | None:
    return WordPiece.read(folder / "tokenizer.json")


def test_token_ids_by_hand(tiny: Path) -> None:
    """[PAD] [UNK] [CLS] [SEP] [MASK] the key rot ##ates every week bank river . ##s 日 é"""
    ours = read(tiny)
    assert ours is not None
    assert (ours.before, ours.after, ours.size) == ((2,), (3,), 17)
    assert ours.token_ids("The KEY rotates.") == [5, 6, 7, 8, 13]
    assert ours.token_ids("banks  rotten") == [11, 14, 1]  # no piece of "ten" is known
    assert ours.token_ids("É é") == [16, 16]
    assert ours.token_ids("s" * 101) == [1]
    assert ours.token_ids("") == []


@pytest.mark.parametrize("text", ["日", "a\x00b", "soft\xadhyphen", "the [MASK]", "x" * 2_001, "ﬁ"])
def test_texts_that_are_left_to_the_library(tiny: Path, text: str) -> None:
    ours = read(tiny)
    assert ours is not None
    assert ours.token_ids(text) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"type": "BPE", "vocab": {}, "merges": []}},
        {"normalizer": {"type": "NFC"}},
        {"normalizer": None},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"post_processor": {"type": "RobertaProcessing"}},
    ],
)
def test_other_tokenizers_are_left_to_the_library(tiny: Path, changes: dict[str, object]) -> None:
    path = tiny / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    assert read(tiny) is None


def test_a_large_file_is_read_from_a_copy(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(tmp_path / "cache"))
    parsed = read(tiny)
    assert parsed is not None
    assert not user_dirs.cache().exists()  # too small for a copy
    monkeypatch.setattr(wordpiece, "_MIN_COPIED_BYTES", 0)
    read(tiny)
    (copy,) = (user_dirs.cache() / "tokenizers").iterdir()
    loaded = read(tiny)
    assert loaded is not None
    assert loaded._replace(vocabulary={}) == parsed._replace(vocabulary={})
    words = [*parsed.vocabulary, "", "ke", "keys", "##the", "日本", "\U0001f600"]
    assert [loaded.vocabulary.get(w) for w in words] == [parsed.vocabulary.get(w) for w in words]
    assert loaded.token_ids("The KEY rotates.") == [5, 6, 7, 8, 13]
    copy.write_bytes(copy.read_bytes()[:-1])  # damaged: parsed again, and written again
    assert read(tiny) == parsed


def test_a_changed_file_is_not_read_from_the_copy_of_the_old_one(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(wordpiece, "_MIN_COPIED_BYTES", 0)
    path = tiny / "tokenizer.json"
    read(tiny)
    content = json.loads(path.read_text())
    content["model"]["vocab"]["key"] = 77
    path.write_text(json.dumps(content))
    for _ in range(2):  # parsed, then from its copy
        changed = read(tiny)
        assert changed is not None
        assert changed.token_ids("key") == [77]


@pytest.mark.parametrize("id_", [-1, 2**32, 2**64, 1.5, "7", None])
@pytest.mark.parametrize("piece", ["key", "zebra"])
def test_ids_that_are_none_are_left_to_the_library(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, id_: object, piece: str
) -> None:
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(wordpiece, "_MIN_COPIED_BYTES", 0)
    path = tiny / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"][piece] = id_
    path.write_text(json.dumps(content))
    assert read(tiny) is None
    assert not list((user_dirs.cache() / "tokenizers").iterdir())


def test_without_a_cache_folder_a_large_file_is_parsed(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(wordpiece, "_MIN_COPIED_BYTES", 0)
    monkeypatch.setattr(Vocabulary, "of", None)  # sorting 30,000 pieces takes 20 ms
    ours = read(tiny)
    assert ours is not None
    assert ours.token_ids("the key") == [5, 6]


def test_ids_are_the_same_with_and_without_the_library(tiny: Path) -> None:
    fresh, used = (ModelTokenizer(tiny / "tokenizer.json", 32) for _ in range(2))
    used.count_tokens(["the", "key"])  # two texts: the library
    for text in ("the bank rotates .", "日 the", "", "river " * 60):
        assert fresh.token_ids([text], "every ") == used.token_ids(["key", text], "every ")[1:]
        assert fresh.count_tokens([text]) == used.count_tokens(["key", text])[1:]
