"""Evaluate an encoder on scored pairs: cosines, and their correlation with human judgements.

Contract: pairs of strings in, cosines out; for pairs with gold scores also the Pearson and Spearman
correlations of the STS tasks. Knows encoders and files of pairs; no collection.

    Cer et al. 2017, SemEval-2017 Task 1 (STS-B), https://aclanthology.org/S17-2001
    Reimers et al. 2016, Spearman instead of Pearson, https://aclanthology.org/C16-1009
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
from ragkit.learning import pair_file
from ragkit.learning.pair_file import PairFile, PairRow, SkippedLine


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and their gold score of similarity, on any scale; None if it is unknown."""

    first: str
    second: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class SimilarityReport:
    """The cosines of pairs and their correlations with the gold scores. A correlation is None if
    fewer than two pairs have a score, or if all scores or all cosines are equal."""

    pairs: int
    scored: int  # pairs with a score; the correlations are over these
    pearson: float | None  # in [-1, 1]
    spearman: float | None  # in [-1, 1]
    cosines: tuple[float, ...]  # of all pairs in order, in [-1, 1]
    seconds: float  # of encoding


def read_pairs(path: Path) -> tuple[list[Pair], list[str]]:
    """Return the pairs of a JSONL, TSV or CSV file, and a message for each line that was skipped.

    The columns are sentence1, sentence2 and optionally score, or their usual other names. A TSV
    without a header must have two texts and a number per line. Raises UsageError if the file cannot
    be used or contains no pair.
    """
    file = _read_headerless_tsv(path) or pair_file.read_pair_file(path)
    skipped = [f"line {line.line}: {line.reason}" for line in file.skipped]
    pairs = []
    for row in file.rows:
        score = _parse_number(row.score)
        if score is None and row.score not in (None, ""):
            value = pair_file.shorten(repr(row.score))
            skipped.append(f"line {row.line}: the score is {value}, expected a number")
        else:
            pairs.append(Pair(row.first, row.second, score))
    if not pairs:
        raise UsageError(f"{path} has no pair with a score that is a number; {skipped[0]}")
    return pairs, skipped


def _read_headerless_tsv(path: Path) -> PairFile | None:
    """Read a TSV without a header, as the STS tasks publish them; None if it is not one."""
    if path.suffix.lower() not in (".tsv", ".txt", "") or not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline().rstrip("\n").split("\t")
            if len(first) != 3 or _parse_number(first[2]) is None:
                return None
            lines = [first, *(line.rstrip("\n").split("\t") for line in file)]
    except UnicodeDecodeError:  # read_pair_file reports the position
        return None
    rows, skipped = [], []
    for number, fields in enumerate(lines, 1):
        if len(fields) == 3 and all(field.strip() for field in fields):
            rows.append(PairRow(number, fields[0].strip(), fields[1].strip(), fields[2]))
        elif any(field.strip() for field in fields):
            reason = f"{len(fields)} of 3 fields, expected two texts and a score"
            skipped.append(SkippedLine(number, reason))
    return PairFile(path, "", tuple(rows), tuple(skipped), ())


def _parse_number(value: object) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):  # OverflowError: an integer beyond the range of a float
        return None
    return number if math.isfinite(number) else None


def score_pairs(
    pairs: Sequence[Pair], embed: Callable[[list[str]], NDArray[np.float32]]
) -> SimilarityReport:
    """Compute cosines and correlations. `embed` maps texts to (n, d) float32 unit rows; it is
    called once, with each distinct text once."""
    started = time.perf_counter()
    index: dict[str, int] = {}
    first = [index.setdefault(pair.first, len(index)) for pair in pairs]
    second = [index.setdefault(pair.second, len(index)) for pair in pairs]
    vectors = embed(list(index))
    cosines = np.einsum("ij,ij->i", vectors[first], vectors[second]).astype(np.float64)
    seconds = time.perf_counter() - started
    scored = [i for i, pair in enumerate(pairs) if pair.score is not None]
    gold = np.array([pairs[i].score for i in scored], dtype=np.float64)
    return SimilarityReport(
        pairs=len(pairs),
        scored=len(scored),
        pearson=pearson(cosines[scored], gold),
        spearman=spearman(cosines[scored], gold),
        cosines=tuple(np.clip(cosines, -1, 1).tolist()),
        seconds=seconds,
    )


def pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Return Pearson's linear correlation of two (n,) series, in [-1, 1]; None if n < 2 or one of
    them is constant."""
    if len(x) < 2:
        return None
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.clip(x @ y / scale, -1, 1)) if scale else None


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Return Spearman's rank correlation of two (n,) series, in [-1, 1]: Pearson's of the ranks.
    None if n < 2 or one of them is constant."""
    return pearson(average_ranks(x), average_ranks(y))


def average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (n,) float64 ranks of values, from 1 upwards; equal values get their mean rank."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    mean_rank = last_rank - (counts - 1) / 2
    return mean_rank[group].astype(np.float64)
