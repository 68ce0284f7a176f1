"""Token counts of spans, worked by hand: `Words` makes a token of five letters or one mark."""

from ragkit.passages.token_offsets import MAX_WORD_CHARACTERS, TokenOffsets, count_in_batches
from tests.passages.tools import Words

TEXT = "One two, three."  # tokens at 0, 4, 7, 9, 14


def offsets_of(text):
    return TokenOffsets(text, 0, len(text), Words())


def test_tokens_that_begin_in_a_span_are_counted():
    offsets = offsets_of(TEXT)
    assert offsets.count(0, len(TEXT)) == 5
    assert offsets.count(4, 9) == 2
    assert offsets.count(5, 7) == 0


def test_the_end_of_a_number_of_tokens_is_the_start_of_the_next():
    offsets = offsets_of(TEXT)
    assert offsets.end_after(0, 2) == 7
    assert offsets.end_after(4, 2) == 9
    assert offsets.end_after(4, 99) == len(TEXT)


def test_the_start_of_the_last_tokens():
    offsets = offsets_of(TEXT)
    assert offsets.start_before(14, 2) == 7
    assert offsets.start_before(9, 99) == 0


def test_few_tokens_never_span_many_characters():
    text = "a" + " " * 1000 + "b"
    assert offsets_of(text).end_after(0, 2) == 32  # 16 characters a token


def test_starts_are_yielded_in_descending_order():
    assert list(offsets_of(TEXT).starts_between(4, 9)) == [9, 7]


def test_a_word_over_the_limit_is_found_and_tokenized_in_pieces():
    word = "x" * (MAX_WORD_CHARACTERS + 1)
    offsets = offsets_of(f"a {word} b")
    assert offsets.long_words == [(2, 2 + len(word))]
    assert offsets.count(0, len(word) + 4) == 3  # an unknown word is one token
    cuts = offsets.split_long_words(offsets.long_words)
    assert cuts == [102, 202, 302, 402, 502]
    assert offsets.count(2, 102) == 20


def test_counts_are_those_of_the_tokenizer_in_order():
    assert list(count_in_batches(["a b", "", "encyclopaedia"], Words())) == [2, 0, 3]
