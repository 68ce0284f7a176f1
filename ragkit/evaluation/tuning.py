"""Choose settings on one half of the self-made questions; the other half says what they gain.

One setting after another is changed (coordinate search): of its alternatives the best one on the
train half is kept if its gain there is significant (sign flips, p < .05). Then the chosen settings
and those of before are compared on the held-out half, once, so that comparison is a fair test. The
function that measures is passed in: this module does not know how a collection is searched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ragkit.evaluation.significance import Difference, compare
from ragkit.models.tuned import Value
from ragkit.records.maintenance import TuningTrial

MAIN_MEASURE = "nDCG@10"
MIN_QUESTIONS = 20  # of each half: with fewer nothing is tuned
Values: TypeAlias = Mapping[str, Value]  # setting → value
ByQuery: TypeAlias = Mapping[str, Mapping[str, float]]  # measure → question id → value
Measure: TypeAlias = Callable[[Values, bool], ByQuery]  # (settings, held-out half or not)


def choose(
    start: Values,
    stages: Sequence[Sequence[Values]],
    measure: Measure,
    on_trial: Callable[[TuningTrial], None] = lambda trial: None,
) -> tuple[dict[str, Value], list[TuningTrial]]:
    """Return the chosen settings, and all trials in order.

    `stages`: for each, alternatives: changes of the settings chosen so far. Those that change
    nothing are left out. Questions that a measurement has not are left out of its comparison.
    """
    chosen = dict(start)
    trials: list[TuningTrial] = []
    for stage in stages:
        best: tuple[float, int] | None = None
        changes = [
            {name: value for name, value in alternative.items() if chosen[name] != value}
            for alternative in stage
        ]
        for change in changes:
            if not change:
                continue
            found = compare_common(measure(chosen, False), measure({**chosen, **change}, False))
            gain = found.after - found.before
            trial = TuningTrial(change, found.before, found.after, found.p_value)
            if gain > 0 and found.is_significant and (best is None or gain > best[0]):
                best = (gain, len(trials))
            trials.append(trial)
            on_trial(trial)
        if best is not None:
            adopted = trials[best[1]]
            chosen |= adopted.changes
            trials[best[1]] = TuningTrial(
                adopted.changes, adopted.before, adopted.after, adopted.p_value, adopted=True
            )
    return chosen, trials


def compare_common(before: ByQuery, after: ByQuery, name: str = MAIN_MEASURE) -> Difference:
    """Return the difference of a measure over the questions that both have. Raises ValueError if
    there is none."""
    common = [query for query in before[name] if query in after[name]]
    return compare(
        {query: before[name][query] for query in common},
        {query: after[name][query] for query in common},
    )


def compare_measures(before: ByQuery, after: ByQuery) -> dict[str, Any]:
    """Return the fields `before`, `after`, `intervals` and `p_values` of a report: of each measure
    over the questions that both have. Raises ValueError if there is none."""
    found = {name: compare_common(before, after, name) for name in before}
    return {
        "before": {name: each.before for name, each in found.items()},
        "after": {name: each.after for name, each in found.items()},
        "intervals": {name: each.interval for name, each in found.items()},
        "p_values": {name: each.p_value for name, each in found.items()},
    }
