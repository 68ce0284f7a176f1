"""Properties of rewritten follow-up questions for arbitrary histories, with the real analyzer."""

from __future__ import annotations

import zlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragkit.analysis.analyzer import content_terms
from ragkit.analysis.query_syntax import parse_query
from ragkit.answers.followup import MAX_ADDED_WORDS, is_followup, rewrite_followup
from ragkit.records.answers import Turn

SIGNS = """"“”„-()[]{}:*?!'\\/~^+.,#=<> \n\t"""
PIECES = ["is it", "-keys", "that", '"signing', 'key"', "the WAL", "mode?", "why", "它", '-"a b"',
          '"x', "path:x", "NOT", "OR"]  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from(SIGNS + "aàz9_Ωж它鍵か한ไ\0\ud800\U0001f511"), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join),
)  # fmt: skip
HISTORIES = st.lists(st.builds(Turn, TEXTS, TEXTS), max_size=4)
LONE = "How does \ud800 work?"


def idf(term):
    """A third of all terms have the idf of a term in no document."""
    return 7.0 if not term or zlib.crc32(term.encode()) % 3 == 0 else 1 + len(term) % 5


def rewrite(question, history, terms=content_terms):
    return rewrite_followup(question, history, terms, idf)


def added_words(question, history):
    """The words in parentheses after the question."""
    standalone = rewrite(question, history)
    if standalone == question:
        return []
    assert standalone.startswith(f"{question} (")
    assert standalone.endswith(")")
    return standalone[len(question) + 2 : -1].split(" ")


@settings(max_examples=300)
@given(TEXTS, HISTORIES)
@example(LONE, [Turn(LONE, LONE)])
@example("Is it?", [Turn("__00__ keys", "")])
@example("Is it?\0", [Turn("a\0 keys", "\0")])
def test_a_few_words_of_one_question_are_added_or_none(question, history):
    words = added_words(question, history)
    assert len(words) <= MAX_ADDED_WORDS
    assert words == [] or any(set(words) <= set(_runs(turn.question)) for turn in history)
    assert rewrite(question, history) == rewrite(question, list(history))


def _runs(text):
    """Runs of letters, digits and "_", without "_" at their beginning."""
    spaced = "".join(
        character if character.isalnum() or character == "_" else " " for character in text
    )
    return [run.lstrip("_") for run in spaced.split(" ")]


@settings(max_examples=300)
@given(TEXTS, HISTORIES, TEXTS)
def test_earlier_answers_do_not_matter(question, history, answer):
    others = [Turn(turn.question, answer) for turn in history]
    assert rewrite(question, others) == rewrite(question, history)


@settings(max_examples=300)
@given(TEXTS, HISTORIES)
@example("Is it?", [Turn('-cats "and dogs" keys', "")])
@example('Is it "', [Turn('the" keys', "")])
def test_added_words_are_never_query_syntax(question, history):
    parsed = parse_query(rewrite(question, history))
    own = question.encode("utf-8", "replace").decode()  # a search reads no lone surrogates
    assert all(phrase in own for phrase in (*parsed.required, *parsed.excluded))
    assert len(parsed.required) == len(parse_query(question).required)


NOUNS = """shared memory readers writers indexes tables rows backups triggers keys files columns"""


@settings(max_examples=100)
@given(st.lists(st.sampled_from(NOUNS.split()), min_size=4, max_size=12, unique=True), HISTORIES)
def test_a_complete_question_is_not_changed(nouns, history):
    question = f"Which {' '.join(nouns)} are there?"
    assert rewrite(question, history) == question


@settings(max_examples=100)
@given(TEXTS, HISTORIES)
def test_only_a_followup_is_changed(question, history):
    assert is_followup(question) or rewrite(question, history) == question


def test_scripts_without_spaces_have_lengths_and_references():
    standalone = [
        "我们应该如何安全地轮换生产服务器的签名密钥",
        "署名鍵はどのくらいの頻度で交換すればよいですか",
        "แม่ลูกอ่อนลาหยุดเลี้ยงลูกได้นานกี่เดือน",
    ]
    followups = [
        "多久一次？",
        "它的性能比其他所有模式更快一些吗",
        "それは他のすべてのモードより速いですか",
    ]
    assert [is_followup(question) for question in standalone] == [False] * 3
    assert [is_followup(question) for question in followups] == [True] * 3


def test_very_long_histories_are_cut():
    """A megabyte of one word, of many, of quotes; and a conversation of a thousand turns."""
    counted = 0

    def terms(text):
        nonlocal counted
        counted += len(text)
        return content_terms(text)

    million = [Turn(text, text) for text in ("w" * 10**6, "鍵" * 10**6, '"' * 10**6, "k " * 10**6)]
    many = [Turn(f"rotate keys{number} " * 10, "") for number in range(1000)]
    for history in (million, many, many + million):
        standalone = rewrite_followup("Is it?", history, terms, idf)
        assert len(standalone) <= len("Is it? ()") + MAX_ADDED_WORDS * 81
    assert counted < 10**6
    assert rewrite("x " * 500_000, million) == "x " * 500_000
