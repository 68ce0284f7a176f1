"""Turn the scores or labels of a file of pairs into training targets.

Contract: `choose_objective` selects the objective that fits a file's columns; `infer_label_scale`
determines the range of the scores or the set of classes; `build_examples` gives each row its
target: a score divided by the scale's maximum, a class index, or None. Rows without a usable target
are listed with the reason, never guessed. Knows no file format and no model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ragkit.errors import UsageError
from ragkit.learning.pair_file import PairFile, PairRow, SkippedLine, shorten

Target: TypeAlias = float | int | None

# Objective → the column it needs besides the two texts.
TARGET_COLUMNS: dict[str, str | None] = {
    "cosine": "score",
    "cosent": "score",
    "softmax": "label",
    "ranking": None,
}
_MIN_CLASSES = 2
_MAX_CLASSES = 50  # more distinct labels are probably not classes
_WIDE_MAX_SCORE = 5.0  # of the STS tasks; the other scale ends at 1
# If fewer scores than this share are above 1, they are reported as errors of a scale of 0 to 1.
_MIN_SHARE_ABOVE_ONE = 0.01
# SNLI writes "-" for pairs whose annotators disagreed; its copy on the hub writes -1.
_MISSING_LABELS = ("", "-", "-1")


@dataclass(frozen=True, slots=True)
class Example:
    """A pair of texts and its training target."""

    first: str
    second: str
    target: Target = None  # a score in [0, 1], a class index, or None for the objective ranking
    negative: str | None = None  # for ranking: a hard negative, beside those of the batch


@dataclass(frozen=True, slots=True)
class LabelScale:
    """The range of a training file's scores, or its classes. The dev file is read with it too."""

    max_score: float = 1.0  # the score of two texts with the same meaning: 1 or 5
    classes: tuple[str, ...] = ()  # sorted; the index of a class is its target


def choose_objective(file: PairFile, requested: str | None) -> str:
    """Return `requested` if the file's columns allow it; if it is None, the objective that the
    columns imply: scores → cosine, labels → softmax, neither → ranking. Raises UsageError."""
    has_scores = any(row.score is not None for row in file.rows)
    has_labels = any(row.label is not None for row in file.rows)
    if requested is None:
        return _implied_objective(file, has_scores=has_scores, has_labels=has_labels)
    if requested not in TARGET_COLUMNS:
        raise UsageError(f"objective is {requested!r}; expected one of {', '.join(TARGET_COLUMNS)}")
    column = TARGET_COLUMNS[requested]
    if column is None and (has_scores or has_labels):
        raise UsageError(
            f"{file.path} has {'scores' if has_scores else 'labels'}: ranking takes pairs that all "
            f"belong together. Keep only those, without that column"
        )
    if column == "score" and not has_scores and has_labels:
        has_scores = _labels_are_scores(file.rows)
    if not {"score": has_scores, "label": has_labels, None: True}[column]:
        raise UsageError(f"objective {requested} needs a column {column}; {file.path} has none")
    return requested


def _implied_objective(file: PairFile, *, has_scores: bool, has_labels: bool) -> str:
    if has_scores and has_labels:
        raise UsageError(
            f"{file.path} has scores and labels: choose with --objective cosine or softmax"
        )
    if has_scores or (has_labels and _labels_are_scores(file.rows)):
        return "cosine"
    return "softmax" if has_labels else "ranking"


def _labels_are_scores(rows: Sequence[PairRow]) -> bool:
    """Some files, such as GLUE's STS-B, keep scores in the column "label": numbers, some of them
    fractions."""
    numbers = [_parse_number(row.label) for row in rows if row.label is not None]
    return all(map(math.isfinite, numbers)) and any(number % 1 for number in numbers)


def infer_label_scale(file: PairFile, objective: str) -> LabelScale:
    """Determine the maximum score or the classes of a training file. Raises UsageError if a few
    scores are outside an otherwise clear scale, or if there are not 2 to 50 classes."""
    column = TARGET_COLUMNS[objective]
    if column == "score":
        return LabelScale(max_score=_infer_max_score(file))
    if column is None:
        return LabelScale()
    classes = {label for row in file.rows if (label := _parse_label(row)) is not None}
    if not _MIN_CLASSES <= len(classes) <= _MAX_CLASSES:
        raise UsageError(
            f"{file.path} has {len(classes)} different labels; expected {_MIN_CLASSES} to "
            f"{_MAX_CLASSES} classes such as entailment, neutral, contradiction"
        )
    return LabelScale(classes=tuple(sorted(classes)))


def _infer_max_score(file: PairFile) -> float:
    numbered = [(_parse_score(row), row.line) for row in file.rows]
    scores = [(score, line) for score, line in numbered if 0 <= score <= _WIDE_MAX_SCORE]
    above_one = [(score, line) for score, line in scores if score > 1]
    if above_one and len(above_one) < _MIN_SHARE_ABOVE_ONE * len(scores):
        score, line = above_one[0]
        raise UsageError(
            f"{file.path}: {len(above_one)} of {len(scores):,} scores are above 1 (line {line}: "
            f"{score:g}), the others from 0 to 1. Correct or remove those lines"
        )
    return _WIDE_MAX_SCORE if above_one else 1.0


def _written_score(row: PairRow) -> Any:  # noqa: ANN401 - any JSON value
    return row.label if row.score is None else row.score


def _parse_score(row: PairRow) -> float:
    return _parse_number(_written_score(row))


def _parse_number(value: Any) -> float:  # noqa: ANN401 - any JSON value
    """Return the number, or NaN."""
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _parse_label(row: PairRow) -> str | None:
    value = row.label
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    label = str(value).strip() if isinstance(value, (str, int)) else ""
    return None if label in _MISSING_LABELS else label


def build_examples(
    file: PairFile, objective: str, scale: LabelScale
) -> tuple[list[Example], list[SkippedLine]]:
    """Return the file's examples in order, and the lines without a usable score or label."""
    parse_target = _TARGET_PARSERS[TARGET_COLUMNS[objective]]
    examples: list[Example] = []
    skipped: list[SkippedLine] = []
    for row in file.rows:
        target = parse_target(row, scale)
        if isinstance(target, str):
            skipped.append(SkippedLine(row.line, target))
        else:
            examples.append(Example(row.first, row.second, target, row.negative))
    if objective == "ranking" and any(example.negative for example in examples):
        skipped += [SkippedLine(row.line, "no negative") for row in file.rows if not row.negative]
        examples = [example for example in examples if example.negative]
    return examples, skipped


# A parser returns the target, or the reason why there is none.
def _score_target(row: PairRow, scale: LabelScale) -> float | str:
    score = _parse_score(row)
    if math.isnan(score):
        written = _written_score(row)
        if written in (None, ""):
            return "no score"
        return f"score {shorten(repr(written))} is not a number"
    if not 0 <= score <= scale.max_score:
        return f"score {score:g} is outside 0 to {scale.max_score:g}"
    return score / scale.max_score


def _class_target(row: PairRow, scale: LabelScale) -> int | str:
    label = _parse_label(row)
    if label is None:
        return "no label"
    if label not in scale.classes:
        return f"label {label!r} is not one of {', '.join(scale.classes)}"
    return scale.classes.index(label)


def _no_target(row: PairRow, scale: LabelScale) -> None:
    return None


_TARGET_PARSERS: dict[str | None, Callable[[PairRow, LabelScale], Target | str]] = {
    "score": _score_target,
    "label": _class_target,
    None: _no_target,
}
