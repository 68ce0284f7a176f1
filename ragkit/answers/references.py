"""Words by which a question refers to something earlier, in many languages, from a table.

A word counts only in the languages that the question is probably in: "on" is Polish for he, and
English for something else. Knows words only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ragkit.analysis.analyzer import normalize, split_words
from ragkit.analysis.letters import ZERO_WIDTH_NON_JOINER
from ragkit.analysis.stopwords import STOP_WORDS

_FILE = Path(__file__).with_name("references.txt")
_WINDOW = 12  # words at the beginning of a question in which a reference counts
_EARLY = 3  # words at the beginning in which words count that are also articles or conjunctions
_LIKE_CATALAN = frozenset(("es", "fr", "it", "pt"))  # it has no list of stop words
# Words of scripts without spaces. Korean words have endings.
_UNSPACED = re.compile(
    r"[它她他牠]们|[它她牠]|他[们們]|[它她牠]們|[这那這][个些样里邊边個樣裡裏]|其中|那么样"
    r"|それ(?!ぞれ)|これ|あれ|[そこあ]の|そこ|あそこ|彼女|彼ら|彼(?=[はがをにのも])"
    r"|มัน|พวกเขา|พวกมัน|สิ่งนี้|สิ่งนั้น|อันนี้|อันนั้น|แบบนั้น|แบบนี้|ที่นั่น|ที่นี่|เรื่องนี้|เรื่องนั้น"
    r"|ມັນ|ອັນນີ້|ອັນນັ້ນ|ພວກເຂົາ|នោះ|វាមាន|ពួកគេ|အဲဒါ|အဲဒီ|၎င်း|ထိုအရာ"
    r"|(?<![가-힣])(?:그것|이것|저것|그건|이건|그게|이게|그거|이거|거기|그곳|그들|그녀|이들)"
)
_UNSPACED_CONTINUATION = re.compile(
    "那么|那麼|那(?=[我你在])|为什么|為什麼|还有|還有|では|じゃあ|なぜ|それで|แล้ว|ทำไม|그리고|그럼|그런데|왜"
)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one language that refer to something earlier."""

    references: frozenset[str]
    early: frozenset[str]
    continuations: tuple[str, ...]
    not_references: tuple[str, ...]

    def count(self, words: list[str]) -> int:
        known = self.references | self.early | {phrase.split()[0] for phrase in self.continuations}
        return sum(word in known for word in words)


def refers_back(question: str) -> bool:
    """Whether a question has a word among its first ones that refers to something earlier."""
    if _UNSPACED.search(question):
        return True
    tables = _likely_tables(question)
    lower = _normalized(question).lower()
    for table in tables:
        text = lower
        for phrase in table.not_references:
            text = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", " ", text)
        # A capital inside a sentence is a name, or a polite form: "Ihre", "Su".
        small = {word for word in split_words(_normalized(question)) if word == word.lower()}
        words = split_words(text)
        first = next(iter(words), "")
        references = [word for word in words[:_WINDOW] if word in small or word == first]
        if not table.references.isdisjoint(references):
            return True
        if not table.early.isdisjoint(words[:_EARLY]):
            return True
    return False


def continues(question: str) -> bool:
    """Whether a question begins like the continuation of another: "and", "what about"."""
    text = _normalized(question).lower().lstrip(" ¿¡«\"'“„")
    if _UNSPACED_CONTINUATION.match(text):
        return True
    return any(
        text.startswith(phrase) and not text[len(phrase) : len(phrase) + 1].isalnum()
        for table in _likely_tables(question)
        for phrase in table.continuations
    )


def _normalized(question: str) -> str:
    return normalize(question.replace(ZERO_WIDTH_NON_JOINER, "").replace("’", "'"))


def _likely_tables(question: str) -> list[_Words]:
    """Return the tables of the languages that have the most words of a question."""
    words = split_words(_normalized(question).lower())
    scores = {
        code: table.count(words) + len(STOP_WORDS.get(code, frozenset()).intersection(words))
        for code, table in _tables().items()
    }
    highest = max(scores.values(), default=0)
    if scores["en"] == highest:  # its words are in questions of other languages, too
        return [_tables()["en"]]
    best = {code for code, score in scores.items() if score == highest > 0}
    if not best.isdisjoint(_LIKE_CATALAN):
        best.add("ca")
    return [_tables()[code] for code in scores if code in best]


@cache
def _tables() -> dict[str, _Words]:
    tables = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        code, _, columns = line.partition(":")
        references, early, continuations, not_references = columns.split("|")
        tables[code] = _Words(
            frozenset(references.replace(ZERO_WIDTH_NON_JOINER, "").split()),
            frozenset(early.split()),
            tuple(phrase.strip() for phrase in continuations.split(",") if phrase.strip()),
            tuple(phrase.strip() for phrase in not_references.split(",") if phrase.strip()),
        )
    return tables
