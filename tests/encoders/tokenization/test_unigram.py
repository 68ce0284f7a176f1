"""Unigram in Python against the library, string by string."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from ragkit import user_dirs
from ragkit.encoders.tokenization import unigram
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.encoders.tokenization.unigram import Unigram
from tests.conftest import REPOSITORY
from tests.encoders.tokenization.double_array import REPLACEMENTS, VOCABULARY, write_unigram

E5 = Path(
    os.environ.get("RAGKIT_E5_FOLDER", REPOSITORY.parent / "shared/models/multilingual-e5-small")
)
SPACES_MERGED = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(tmp_path / "cache"))


def read(path: Path) -> Unigram:
    ours = unigram.read(path)
    assert ours is not None
    return ours


def library(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def strings(pieces: list[str], count: int) -> Iterator[str]:
    """Pieces in any order, characters that the table replaces, any characters."""
    rng = random.Random(3)
    for _ in range(count):
        kind = rng.random()
        if kind < 0.5:
            words = (rng.choice(pieces).replace("▁", " ") for _ in range(rng.randint(0, 12)))
            yield rng.choice(["", " ", "  "]).join(words)
        elif kind < 0.8:
            yield "".join(rng.choices([*REPLACEMENTS, " ", "▁", "key", "日"], k=rng.randint(0, 20)))
        else:
            yield "".join(chr(rng.randint(0, 0xD7FF)) for _ in range(rng.randint(1, 20)))


def assert_equal(path: Path, pieces: list[str], count: int) -> None:
    ours, texts = read(path), list(strings(pieces, count))
    answered = 0
    encodings = library(path).encode_batch(texts, add_special_tokens=False)
    for text, theirs in zip(texts, encodings, strict=True):
        mine = ours.tokenize(text)
        assert mine is None or mine[0] == theirs.ids, ascii(text)
        answered += mine is not None
    assert answered > count // 2


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True},
        {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
            ],
        },
    ],
)
@pytest.mark.parametrize("is_merging", [False, True])
def test_equal_to_the_library(
    tmp_path: Path, pre_tokenizer: dict[str, Any], is_merging: bool
) -> None:
    path = write_unigram(tmp_path / "tokenizer.json", pre_tokenizer=pre_tokenizer)
    if is_merging:
        steps = [json.loads(path.read_text())["normalizer"], SPACES_MERGED]
        write_unigram(
            path,
            pre_tokenizer=pre_tokenizer,
            normalizer={"type": "Sequence", "normalizers": steps},
        )
    assert_equal(path, list(VOCABULARY), 1_500)


@pytest.mark.skipif(not E5.is_dir(), reason=f"no folder {E5}")
def test_equal_to_the_library_with_e5() -> None:
    content = json.loads((E5 / "tokenizer.json").read_bytes())
    pieces = [piece for piece, _ in content["model"]["vocab"]]
    assert_equal(E5 / "tokenizer.json", pieces, 2_000)


def test_tokens_by_hand(tmp_path: Path) -> None:
    """▁the 5, ▁key 6, s 7: "▁key" + "s" (-9.75) is more probable than "▁ke" + "y" + "s"."""
    ours = read(write_unigram(tmp_path / "tokenizer.json"))
    assert (ours.before, ours.after, ours.size) == ((0,), (2,), len(VOCABULARY))
    assert ours.tokenize("the keys") == ([5, 6, 7], [(0, 3), (3, 7), (7, 8)])
    assert ours.tokenize("zzq") == ([4, 3], [(0, 1), (0, 3)])  # ▁, then one unknown token
    assert ours.tokenize("") == ([], [])


def test_texts_that_are_left_to_the_library(tmp_path: Path) -> None:
    ours = read(write_unigram(tmp_path / "tokenizer.json"))
    assert ours.tokenize("the <mask>") is None
    assert ours.tokenize("\u0600a") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"type": "BPE", "vocab": {}, "merges": []}},
        {"model": {"type": "Unigram", "unk_id": None, "vocab": [["a", -1.0]]}},
        {"model": {"type": "Unigram", "unk_id": 0, "vocab": [["a", -(10**400)]]}},
        {"model": {"type": "Unigram", "unk_id": 0, "vocab": [["a", -1.0]], "byte_fallback": True}},
        {"normalizer": {"type": "NFKC"}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"post_processor": None},
    ],
)
def test_other_tokenizers_are_left_to_the_library(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert unigram.read(write_unigram(tmp_path / "tokenizer.json", **changes)) is None


def test_the_copy_is_used_and_a_damaged_one_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_unigram(tmp_path / "tokenizer.json")
    expected = read(path).tokenize("the keys")
    (copy,) = (user_dirs.cache() / "tokenizers").iterdir()
    content = copy.read_bytes()
    for damaged in (b"", content[:10], content[:-1], content[:-1] + b"?", b"\0" * len(content)):
        copy.write_bytes(damaged)
        assert read(path).tokenize("the keys") == expected
        assert copy.read_bytes() == content
    monkeypatch.setattr(unigram, "_compile", None)  # nothing is parsed
    assert read(path).tokenize("the keys") == expected


def test_a_cache_folder_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(tmp_path / "file"))
    path = write_unigram(tmp_path / "tokenizer.json")
    assert read(path).tokenize("the keys") is not None


def test_short_texts_need_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_unigram(tmp_path / "tokenizer.json")
    by_library = library(path)
    monkeypatch.setattr("ragkit.encoders.tokenization.tokenizer._LARGE_BYTES", 0)
    monkeypatch.setattr(Tokenizer, "from_file", None)
    tokenizer = ModelTokenizer(path, 16)
    texts = ["the keys", "日本 zz", "key " * 30]
    expected = [encoding.ids for encoding in by_library.encode_batch(texts)]
    assert tokenizer.token_ids(texts) == [[*ids[:-1][:15], 2] for ids in expected]
    assert tokenizer.count_tokens(texts) == [len(ids) - 2 for ids in expected]
    assert tokenizer.max_text_tokens("the ") == 12  # ▁the ▁
    assert tokenizer.vocabulary_size == len(VOCABULARY)
    assert tokenizer.checked_ids(["zz qq", "the zz"], "", [0, 0])[1] == [0]
    assert tokenizer.checked_ids(["the zz"], "", [4])[1] == [0]


def test_long_texts_and_small_files_are_left_to_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_unigram(tmp_path / "tokenizer.json")
    ModelTokenizer(path, 16).token_ids(["the keys"])
    assert not user_dirs.cache().exists()  # too small for a copy
    monkeypatch.setattr("ragkit.encoders.tokenization.tokenizer._LARGE_BYTES", 0)
    monkeypatch.setattr("ragkit.encoders.tokenization.tokenizer._MAX_UNIGRAM_CHARACTERS", 10)
    tokenizer = ModelTokenizer(path, 16)
    tokenizer.token_ids(["the keys"])
    assert "_tokenizer" not in tokenizer.__dict__
    assert tokenizer.count_tokens(["the keys", "the keys"]) == [3, 3]
    assert "_tokenizer" in tokenizer.__dict__
