"""Terms by class-based TF-IDF: weights worked out by hand."""

from __future__ import annotations

from ragkit.exploring.topic_labels import topic_name, topic_terms

STOP = frozenset(["the", "and"])


def test_terms_tell_the_topics_apart() -> None:
    # 4 words each, so their mean is 4. river: 2/4·log(1 + 4/2) = .55; bank: 1/4·log(1 + 4/2) = .27;
    # boat: 1/4·log(1 + 4/1) = .40. In the other topic money is .55, loan .40, bank .27.
    found = topic_terms([["river boat", "the River, and bank"], ["money loan", "money bank"]], STOP)
    assert found == [("river", "boat", "bank"), ("money", "loan", "bank")]


def test_one_text_counts_a_word_twice_at_most_and_forms_count_once() -> None:
    (terms,) = topic_terms([["spam " * 50, "teacher teachers", "teacher lesson lesson"]], STOP)
    assert terms == ("lesson", "spam", "teacher")  # twice each, so by the alphabet


def test_texts_without_words_have_no_terms() -> None:
    assert topic_terms([["12 34", "the"], []], STOP) == [(), ()]


def test_names_are_the_first_terms_and_unique() -> None:
    assert topic_name(("a1", "b", "c", "d"), set()) == "a1, b, c"
    assert topic_name(("a1",), {"a1", "a1 2"}) == "a1 3"
    assert topic_name((), set()) == "topic"
