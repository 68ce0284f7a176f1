"""How likely a passage answers, by its cosine: a logistic function of one collection and encoder.

`evaluation/relevance.py` fits it; it is stored in the table `collection`. Knows no questions and no
ranking.
"""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import asdict, astuple, dataclass

from ragkit.storage.sqlite.state import set_value, value

KEY = "relevance"  # of the table `collection`


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """A tenth of the range of probabilities, with the unseen questions whose best hit is in it."""

    low: float
    high: float
    count: int
    probability: float  # their mean
    answered: float  # share of them whose best hit answers


@dataclass(frozen=True, slots=True)
class Abstention:
    """What a bound of the probability does to unseen questions: shares that are declined."""

    bound: float
    without_answer: float  # of the questions that nothing answers
    with_answer: float  # of the others


@dataclass(frozen=True, slots=True)
class RelevanceCalibration:
    """The logistic function of a collection and encoder, and how well it fits unseen questions."""

    fingerprint: str  # of the encoder
    slope: float
    offset: float
    questions: int  # that were unseen when measured, each asked with and without its answer
    error: float  # expected calibration error on them, 10 bins
    bins: tuple[ReliabilityBin, ...] = ()  # the reliability diagram; those with questions
    abstentions: tuple[Abstention, ...] = ()

    def probability(self, cosine: float) -> float:
        """Return how likely a passage with this cosine to the query answers it: 0 to 1."""
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, self.slope * cosine + self.offset))))

    def cosine(self, probability: float) -> float:
        """Return the cosine at which a passage answers with this probability, within [-1, 1]."""
        if probability <= 0 or self.slope <= 0:
            return -1.0
        if probability >= 1:
            return 1.0
        bound = (math.log(probability / (1 - probability)) - self.offset) / self.slope
        return max(-1.0, min(1.0, bound))


def load(connection: sqlite3.Connection, fingerprint: str) -> RelevanceCalibration | None:
    """Return the stored calibration of this encoder; None if there is none, or a damaged one."""
    try:
        stored = json.loads(str(value(connection, KEY)))
        found = RelevanceCalibration(
            str(stored["fingerprint"]), float(stored["slope"]), float(stored["offset"]),
            int(stored["questions"]), float(stored["error"]),
            tuple(
                ReliabilityBin(
                    float(each["low"]), float(each["high"]), int(each["count"]),
                    float(each["probability"]), float(each["answered"]),
                )
                for each in stored.get("bins", ())
            ),
            tuple(
                Abstention(
                    float(each["bound"]), float(each["without_answer"]), float(each["with_answer"])
                )
                for each in stored.get("abstentions", ())
            ),
        )  # fmt: skip
    except (
        ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError,
    ):  # fmt: skip
        return None
    numbers = [found.slope, found.offset, found.error]
    numbers += (number for row in found.bins for number in astuple(row))
    numbers += (number for row in found.abstentions for number in astuple(row))
    is_finite = all(map(math.isfinite, numbers))
    is_valid = is_finite and found.slope > 0  # else no cosine is a minimum
    return found if is_valid and found.fingerprint == fingerprint else None


def store(connection: sqlite3.Connection, calibration: RelevanceCalibration) -> None:
    """Store the calibration in place of an earlier one."""
    set_value(connection, KEY, json.dumps(asdict(calibration)))
