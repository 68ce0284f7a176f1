import pytest

from ragkit.storage.lexical.padding import IndexTotals, Padding

WHOLE = IndexTotals(100, {"text": 1234, "forms": 7})


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        (IndexTotals(30, {"text": 100, "forms": 0}), WHOLE),
        (IndexTotals(30, {"text": 900, "forms": 7}), WHOLE),
        (IndexTotals(0, {}), WHOLE),
        (
            IndexTotals(40_000, {"text": 5_400_123, "forms": 12_000}),
            IndexTotals(320_000, {"text": 43_000_777, "forms": 97_003}),
        ),
        (
            IndexTotals(40_000, {"text": 5_300_123, "forms": 11_900}),
            IndexTotals(320_000, {"text": 43_000_777, "forms": 97_003}),
        ),
    ],
)
def test_the_average_lengths_become_those_of_the_whole(part, whole):
    padding = Padding.between(part, whole)
    for field, count in whole.tokens.items():
        tokens = part.tokens.get(field, 0) + padding.tokens[field]
        average = tokens / (part.passages + padding.documents)
        assert average == pytest.approx(count / whole.passages, rel=2e-5)
        assert padding.tokens[field] >= 0
    assert 1 <= padding.documents <= max(100, part.passages // 5)


def test_a_collection_in_one_piece_needs_none():
    assert Padding.between(WHOLE, WHOLE).documents == 0
    assert Padding.between(IndexTotals(0, {}), IndexTotals(0, {})).documents == 0
    assert Padding.between(IndexTotals(5, {"text": 0}), IndexTotals(9, {"text": 0})).documents == 0
