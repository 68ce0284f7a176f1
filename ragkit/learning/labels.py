"""What each pair is to be trained towards: a cosine, a class, or only that the two belong together.

Contract: `choose` names the objective that the columns of a file ask for; `examples` turns rows
into examples with the targets of that objective. Scores become 0 to 1 by one explicit rule, which
is handed back in words. Rows without a usable target are listed, never guessed. Knows no files'
formats and no model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.errors import UsageError
from ragkit.learning.rows import LeftOut, Row, Rows, clipped

# What an objective asks of a row: a score, a label, or nothing beside the two texts.
NEEDS = {"cosine": "score", "cosent": "score", "softmax": "label", "ranking": "nothing"}
_CLASSES = (2, 50)  # fewer decide nothing, more are no classes
_STRAY = 0.01  # share of scores above 1 below which they look like mistakes, not like 0 to 5
# SNLI marks pairs its annotators did not agree on so.
_NO_LABEL = ("", "-", "-1")


@dataclass(frozen=True, slots=True)
class Example:
    """A pair and its target: a float 0 to 1, a class's number, or None."""

    first: str
    second: str
    target: float | int | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """How scores or labels of one data set are read; the dev file is read in the same way."""

    top: float = 1.0
    """The score that means the same: 1 or 5."""
    classes: tuple[str, ...] = ()
    """Labels in the order of their numbers."""


def choose(rows: Rows, named: str | None) -> str:
    """The objective: the one named, else what the columns ask for. Raises `UsageError` where the
    rows lack what it needs, or could mean two things."""
    has_scores = any(row.score is not None for row in rows.rows)
    has_labels = any(row.label is not None for row in rows.rows)
    if named is None:
        if has_scores and has_labels:
            raise UsageError(
                f"{rows.path} has scores and labels: choose with --objective cosine or softmax"
            )
        if has_scores or (has_labels and _labels_are_scores(rows.rows)):
            return "cosine"
        return "softmax" if has_labels else "ranking"
    if named not in NEEDS:
        raise UsageError(f"objective is {named!r}; expected one of {', '.join(NEEDS)}")
    if named == "ranking" and (has_scores or has_labels):
        raise UsageError(
            f"{rows.path} has {'scores' if has_scores else 'labels'}: ranking takes pairs that all "
            f"belong together. Keep only those, without that column"
        )
    if NEEDS[named] == "score" and not has_scores and has_labels:
        has_scores = _labels_are_scores(rows.rows)
    there = {"score": has_scores, "label": has_labels, "nothing": True}
    if not there[NEEDS[named]]:
        raise UsageError(f"objective {named} needs a column {NEEDS[named]}; {rows.path} has none")
    return named


def _labels_are_scores(rows: Sequence[Row]) -> bool:
    """Some files, GLUE's STS-B among them, call a score a label: numbers, not all whole."""
    numbers = [_number(row.label) for row in rows if row.label is not None]
    return all(map(math.isfinite, numbers)) and any(number % 1 for number in numbers)


def meaning(rows: Rows, objective: str) -> Meaning:
    """How the training file's scores or labels are to be read."""
    if NEEDS[objective] == "score":
        return Meaning(top=_top(rows))
    if NEEDS[objective] == "nothing":
        return Meaning()
    labels = {label for row in rows.rows if (label := _label(row)) is not None}
    if not _CLASSES[0] <= len(labels) <= _CLASSES[1]:
        raise UsageError(
            f"{rows.path} has {len(labels)} different labels; expected {_CLASSES[0]} to "
            f"{_CLASSES[1]} classes such as entailment, neutral, contradiction"
        )
    return Meaning(classes=tuple(sorted(labels)))


def _top(rows: Rows) -> float:
    """1 or 5: the score that means the same."""
    scores = [(score, row.line) for row in rows.rows if 0 <= (score := _score(row)) <= 5]
    above = [(score, line) for score, line in scores if score > 1]
    if above and len(above) < _STRAY * len(scores):
        score, line = above[0]
        raise UsageError(
            f"{rows.path}: {len(above)} of {len(scores):,} scores lie above 1 (line {line}: "
            f"{score:g}), the others in 0 to 1. Mend or remove those lines"
        )
    return 5.0 if above else 1.0


def _score(row: Row) -> float:
    return _number(row.label if row.score is None else row.score)


def _number(value: Any) -> float:  # noqa: ANN401 - whatever JSON can hold
    """The number, or NaN."""
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _label(row: Row) -> str | None:
    value = row.label
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    label = str(value).strip() if isinstance(value, (str, int)) else ""
    return None if label in _NO_LABEL else label


def examples(rows: Rows, objective: str, meaning: Meaning) -> tuple[list[Example], list[LeftOut]]:
    """The examples of a file in its order, and the rows without a usable target."""
    target = _TARGETS[NEEDS[objective]]
    made: list[Example] = []
    left_out: list[LeftOut] = []
    for row in rows.rows:
        found = target(row, meaning)
        if isinstance(found, str):
            left_out.append(LeftOut(row.line, found))
        else:
            made.append(Example(row.first, row.second, found))
    return made, left_out


def _target_score(row: Row, meaning: Meaning) -> float | str:
    score = _score(row)
    if math.isnan(score):
        written = row.label if row.score is None else row.score
        return (
            "no score" if written in (None, "") else f"score {clipped(repr(written))} is no number"
        )
    if not 0 <= score <= meaning.top:
        return f"score {score:g} is outside 0 to {meaning.top:g}"
    return score / meaning.top


def _target_label(row: Row, meaning: Meaning) -> int | str:
    label = _label(row)
    if label is None:
        return "no label"
    if label not in meaning.classes:
        return f"label {label!r} is none of {', '.join(meaning.classes)}"
    return meaning.classes.index(label)


def _no_target(row: Row, meaning: Meaning) -> None:
    return None


_TARGETS: dict[str, Callable[[Row, Meaning], float | int | str | None]] = {
    "score": _target_score,
    "label": _target_label,
    "nothing": _no_target,
}
