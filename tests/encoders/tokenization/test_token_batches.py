"""Batches of a bounded number of tokens; the expected lists are worked by hand."""

from __future__ import annotations

import pytest

from ragkit.encoders.tokenization.tokenizer import token_batches


def test_padded_batches_come_longest_first_within_the_limit() -> None:
    # 200 exceeds the limit alone; 3 × 5 tokens fill a rectangle of 15.
    batches = list(token_batches([3, 90, 5, 100, 5, 200], 100))
    assert batches == [[5], [3], [1], [2, 4, 0]]


def test_padding_counts_every_text_as_long_as_the_longest() -> None:
    lengths = [60, 30, 10]  # padded: 2 × 60 > 100; summed: 60 + 30 + 10 = 100
    assert list(token_batches(lengths, 100)) == [[0], [1, 2]]
    assert list(token_batches(lengths, 100, padded=False)) == [[0, 1, 2]]
    assert list(token_batches(lengths, 99, padded=False)) == [[0, 1], [2]]


def test_texts_stay_in_order_on_request() -> None:
    lengths = [10, 60, 50, 5]
    batches = list(token_batches(lengths, 100, padded=False, in_order=True))
    assert batches == [[0, 1], [2, 3]]
    assert list(token_batches([5, 40, 5], 100, in_order=True)) == [[0, 1], [2]]


def test_a_batch_holds_at_most_max_texts() -> None:
    batches = list(token_batches([0, 0, 0, 0, 0], 100, in_order=True, max_texts=2))
    assert batches == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("in_order", [True, False])
def test_no_texts_make_no_batches(in_order: bool) -> None:
    assert list(token_batches([], 100, in_order=in_order)) == []


def test_batches_of_one_length() -> None:
    lengths = [3, 9, 3, 9, 3, 5]
    batches = list(token_batches(lengths, 20, of_one_length=True))
    assert batches == [[1, 3], [5], [0, 2, 4]]
    assert list(token_batches(lengths, 8, of_one_length=True)) == [[1], [3], [5], [0, 2], [4]]
