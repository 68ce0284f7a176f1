"""How alike texts are: cosines of pairs, and how well they follow people's judgement.

Contract: pairs of strings in, cosines out; where the pairs have gold scores also the two
correlations of the STS tasks. Knows encoders and files of pairs; no collection.

    Cer et al. 2017, SemEval-2017 Task 1, https://aclanthology.org/S17-2001
    Reimers et al. 2016, on why Spearman, https://aclanthology.org/C16-1009
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import UsageError
from ragkit.learning import rows


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts, and how alike people found them, on any scale; None where nobody was asked."""

    first: str
    second: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class SimilarityReport:
    """The cosines of a file's pairs, in its order. The correlations, in [-1, 1], are over those
    that have a score; None where these are fewer than two or all the same."""

    pairs: int
    scored: int
    pearson: float | None
    spearman: float | None
    cosines: tuple[float, ...]
    seconds: float  # of encoding


def read_pairs(path: Path) -> tuple[list[Pair], list[str]]:
    """The pairs of a JSONL, TSV or CSV file, and what was left out, a line each with its reason.

    Columns by name: sentence1, sentence2 and perhaps score, or their usual other names. A TSV
    whose first line is no names but two texts and a number has these columns. Raises UsageError
    where there is no pair."""
    found = _without_names(path) or rows.read(path)
    left_out = [f"line {each.line}: {each.reason}" for each in found.left_out]
    pairs = []
    for row in found.rows:
        score = _number(row.score)
        if score is None and row.score not in (None, ""):
            left_out.append(
                f"line {row.line}: the score is {rows.clipped(repr(row.score))}, expected a number"
            )
        else:
            pairs.append(Pair(row.first, row.second, score))
    if not pairs:
        raise UsageError(f"{path} has no pair with a score that is a number; {left_out[0]}")
    return pairs, left_out


def _without_names(path: Path) -> rows.Rows | None:
    """The rows of a TSV without a line of names, as the STS tasks' own files come."""
    if path.suffix.lower() not in (".tsv", ".txt", "") or not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline().rstrip("\n").split("\t")
            if len(first) != 3 or _number(first[2]) is None:
                return None
            lines = [first, *(line.rstrip("\n").split("\t") for line in file)]
    except UnicodeDecodeError:  # `rows` says where
        return None
    kept, left_out = [], []
    for number, fields in enumerate(lines, 1):
        if len(fields) == 3 and all(field.strip() for field in fields):
            kept.append(rows.Row(number, fields[0].strip(), fields[1].strip(), fields[2]))
        elif any(field.strip() for field in fields):
            reason = f"{len(fields)} of 3 fields, expected two texts and a score"
            left_out.append(rows.LeftOut(number, reason))
    return rows.Rows(path, "", tuple(kept), tuple(left_out), ())


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):  # the latter: an integer beyond any float
        return None
    return number if math.isfinite(number) else None


def score_pairs(
    pairs: Sequence[Pair], embed: Callable[[list[str]], NDArray[np.float32]]
) -> SimilarityReport:
    """Cosines and correlations; `embed` gives (n, d) unit rows. A text that comes several times
    is embedded once."""
    started = time.perf_counter()
    numbers: dict[str, int] = {}
    left = [numbers.setdefault(pair.first, len(numbers)) for pair in pairs]
    right = [numbers.setdefault(pair.second, len(numbers)) for pair in pairs]
    vectors = embed(list(numbers))
    cosines = np.einsum("ij,ij->i", vectors[left], vectors[right]).astype(np.float64)
    seconds = time.perf_counter() - started
    scored = [number for number, pair in enumerate(pairs) if pair.score is not None]
    gold = np.array([pairs[number].score for number in scored], dtype=np.float64)
    return SimilarityReport(
        pairs=len(pairs),
        scored=len(scored),
        pearson=pearson(cosines[scored], gold),
        spearman=spearman(cosines[scored], gold),
        cosines=tuple(np.clip(cosines, -1, 1).tolist()),
        seconds=seconds,
    )


def pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """The linear correlation of two series, (n,) each; None where one does not vary."""
    if len(x) < 2:
        return None
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.clip(x @ y / scale, -1, 1)) if scale else None


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """The correlation of their ranks: whether the order is right, whatever the scale."""
    return pearson(ranks(x), ranks(y))


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared = last - (counts - 1) / 2
    return shared[place].astype(np.float64)
