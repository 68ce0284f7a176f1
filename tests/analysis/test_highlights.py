"""Spans of terms in a text, and offsets in a text that normalization changes."""

import pytest

from ragkit.analysis.analyzer import analyzer_for, normalize
from ragkit.analysis.highlights import SpanFinder, Target, aligned


@pytest.mark.parametrize(
    "text",
    ["plain", "", "Cafe\u0301 \ufb01n", "ver\u00adtrag", "\u1112\u1161\u11ab\u1100\u1173\u11af",
     "\uff76\uff9e\uff70",
     "\u0e19\u0e49\u0e4d\u0e32", "\u00ada\u0327\u0323b", "\U0001f98a\u200d\u2642 x"],
)  # fmt: skip
def test_each_character_of_a_normalized_text_has_its_place_in_the_original(text):
    plain, starts, ends = aligned(text)
    assert plain == normalize(text)
    assert len(starts) == len(ends) == len(plain)
    for index, char in enumerate(plain):
        assert char in normalize(text[starts[index] : ends[index]])
    assert list(starts) == sorted(starts) and list(ends) == sorted(ends)


def test_targets_are_told_apart():
    analyzer = analyzer_for("en")
    targets = [
        Target(word, frozenset({analyzer.term(word)}), frozenset()) for word in ("keys", "lamp")
    ]
    finder = SpanFinder(analyzer, "keys lamp", targets)
    assert finder.find("A key.") == ([(2, 5)], {0})
    assert finder.find("Lamps of keys") == ([(0, 5), (9, 13)], {0, 1})
    assert finder.find("nothing here") == ([], set())


def test_kana_that_only_share_a_syllable_are_not_marked():
    target = Target("クラウド", frozenset({"クラ", "ラウ", "ウド"}), frozenset())
    finder = SpanFinder(analyzer_for("und"), "クラウド", [target])
    assert finder.find("クラスとクラウド") == ([(4, 8)], {0})
