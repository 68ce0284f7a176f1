"""The choice of settings by their measures on one half of the questions."""

import pytest

from ragkit.evaluation.tuning import choose, compare_common

START = {"mode": "dense", "passage_tokens": 200}


def measures(values):
    """12 questions, each with the same value but for the first."""
    return {"nDCG@10": {str(number): value for number, value in enumerate(values)}}


def test_the_best_significant_change_of_each_stage_is_kept():
    known = {
        ("dense", 200): [0.2] * 12,
        ("lexical", 200): [0.3] * 12,
        ("hybrid", 200): [0.5] * 12,
        ("hybrid", 100): [0.5] * 11 + [1.0],  # one question: by chance
        ("hybrid", 50): [0.4] * 12,
    }
    seen = []
    chosen, trials = choose(
        START,
        [[{"mode": "dense"}, {"mode": "lexical"}, {"mode": "hybrid"}],
         [{"passage_tokens": 100}, {"passage_tokens": 50}]],
        lambda values, held_out: measures(known[values["mode"], values["passage_tokens"]]),
        seen.append,
    )  # fmt: skip
    assert chosen == {"mode": "hybrid", "passage_tokens": 200}
    assert [(trial.changes, trial.adopted) for trial in trials] == [
        ({"mode": "lexical"}, False),
        ({"mode": "hybrid"}, True),
        ({"passage_tokens": 100}, False),
        ({"passage_tokens": 50}, False),
    ]
    assert len(seen) == 4
    assert START == {"mode": "dense", "passage_tokens": 200}


def test_only_common_questions_are_compared():
    found = compare_common(measures([0.0, 1.0, 0.0]), measures([0.5, 1.0]))
    assert (found.before, found.after) == (0.5, 0.75)
    with pytest.raises(ValueError, match="one at least"):
        compare_common(measures([]), measures([0.5]))
