"""What holds of follow-up questions whatever was said before, by the words of the real analysis."""

from __future__ import annotations

import zlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragkit.analysis.analyzer import content_terms
from ragkit.analysis.query_syntax import parse_query
from ragkit.answers.followups import ADDED, follows_on, whole
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


def rarity(term):
    """Of a third of all words: in no document, like that of none."""
    return 7.0 if not term or zlib.crc32(term.encode()) % 3 == 0 else 1 + len(term) % 5


def made(question, history, terms=content_terms):
    return whole(question, history, terms, rarity)


def added(question, history):
    """The words that are added, after the question itself, in brackets."""
    found = made(question, history)
    if found == question:
        return []
    assert found.startswith(f"{question} (")
    assert found.endswith(")")
    return found[len(question) + 2 : -1].split(" ")


@settings(max_examples=300, deadline=None)
@given(TEXTS, HISTORIES)
@example(LONE, [Turn(LONE, LONE)])
@example("Is it?", [Turn("__00__ keys", "")])
@example("Is it?\0", [Turn("a\0 keys", "\0")])
def test_a_few_words_of_one_question_are_added_or_none(question, history):
    found = added(question, history)
    assert len(found) <= ADDED
    assert found == [] or any(set(found) <= set(_runs(turn.question)) for turn in history)
    assert made(question, history) == made(question, list(history))


def _runs(text):
    """Letters, digits and "_" on end, from the first that is no "_"."""
    spaced = "".join(each if each.isalnum() or each == "_" else " " for each in text)
    return [each.lstrip("_") for each in spaced.split(" ")]


@settings(max_examples=300, deadline=None)
@given(TEXTS, HISTORIES, TEXTS)
def test_nothing_that_was_answered_matters(question, history, answer):
    others = [Turn(turn.question, answer) for turn in history]
    assert made(question, others) == made(question, history)


@settings(max_examples=300, deadline=None)
@given(TEXTS, HISTORIES)
@example("Is it?", [Turn('-cats "and dogs" keys', "")])
@example('Is it "', [Turn('the" keys', "")])
def test_nothing_that_was_said_before_is_a_condition(question, history):
    found = parse_query(made(question, history))
    own = question.encode("utf-8", "replace").decode()  # a search reads no lone surrogates
    assert all(each in own for each in (*found.required, *found.excluded))
    assert len(found.required) == len(parse_query(question).required)


NOUNS = """shared memory readers writers indexes tables rows backups triggers keys files columns"""


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(NOUNS.split()), min_size=4, max_size=12, unique=True), HISTORIES)
def test_a_question_that_says_all_stays(nouns, history):
    question = f"Which {' '.join(nouns)} are there?"
    assert made(question, history) == question


@settings(max_examples=100, deadline=None)
@given(TEXTS, HISTORIES)
def test_a_question_that_does_not_follow_on_stays(question, history):
    assert follows_on(question) or made(question, history) == question


def test_scripts_without_spaces_are_measured_and_point_back():
    whole_ones = [
        "我们应该如何安全地轮换生产服务器的签名密钥",
        "署名鍵はどのくらいの頻度で交換すればよいですか",
        "แม่ลูกอ่อนลาหยุดเลี้ยงลูกได้นานกี่เดือน",
    ]
    leaning = [
        "多久一次？",
        "它的性能比其他所有模式更快一些吗",
        "それは他のすべてのモードより速いですか",
    ]
    assert [follows_on(each) for each in whole_ones] == [False] * 3
    assert [follows_on(each) for each in leaning] == [True] * 3


def test_hostile_lengths_are_cut_to_size():
    """A megabyte of one word, of many, of quotes; and a conversation of a thousand turns."""
    counted = 0

    def terms(text):
        nonlocal counted
        counted += len(text)
        return content_terms(text)

    million = [Turn(text, text) for text in ("w" * 10**6, "鍵" * 10**6, '"' * 10**6, "k " * 10**6)]
    many = [Turn(f"rotate keys{number} " * 10, "") for number in range(1000)]
    for history in (million, many, many + million):
        found = whole("Is it?", history, terms, rarity)
        assert len(found) <= len("Is it? ()") + ADDED * 81
    assert counted < 10**6
    assert made("x " * 500_000, million) == "x " * 500_000
