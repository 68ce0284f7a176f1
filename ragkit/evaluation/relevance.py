"""From cosine to probability: how likely a passage answers, for one collection and one encoder.

Encoders differ in their cosines: 0.5 is an answer for one and nothing for another. The probability
is a logistic function of the cosine (Platt, "Probabilistic Outputs for Support Vector Machines",
1999), fitted on questions made from the collection. Each is searched twice: once as it is,
with its own sentence taken out of its passage, which is embedded without it; and once without its
document, so that nothing answers it. The questions are sentences of the text. Not only first ones:
these introduce a subject that the passages around share, so the best hit is less often right than
with people's questions, which ask for one thing. Knows no index files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragkit.encoders import encode_with_headers
from ragkit.evaluation.encoder_quality import rank_exactly
from ragkit.evaluation.self_questions import SelfQuestion
from ragkit.models.relevance import Abstention, RelevanceCalibration, ReliabilityBin
from ragkit.storage.sqlite.passages import headers_and_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.encoders import Encoder

BINS = 10
MIN_QUESTIONS = 20  # of each part: with fewer nothing is fitted
BOUNDS = (0.25, 0.5, 0.75)  # probabilities below which a question is declined, in the report
_DEPTH = 60  # neighbors that are looked at
_HITS = 1  # of each question: the best one
_PRIOR = 1e-3  # precision of the slope's normal prior, which keeps it finite


def calibrate(
    connection: sqlite3.Connection,
    model_id: int,
    encoder: Encoder,
    first: Sequence[SelfQuestion],
    second: Sequence[SelfQuestion],
) -> RelevanceCalibration | None:
    """Fit on the questions of both parts; measure on each part what the other one fits.

    So every question is unseen where it is measured, and all of them are used. Returns None if one
    of the parts has fewer than 20 questions, or if higher cosines are not more often those of
    answers. Raises ModelError if the encoder fails.
    """
    if min(len(first), len(second)) < MIN_QUESTIONS:
        return None
    parts = [_ask(connection, model_id, encoder, questions) for questions in (first, second)]
    cosines, answers, has_answer = (np.concatenate(each) for each in zip(*parts, strict=True))
    slope, offset = fit(cosines, answers)
    if slope <= 0 or not answers.any():  # then no minimum of the cosine leaves out the right ones
        return None
    unseen = []
    for own, other in (parts, parts[::-1]):
        fitted = RelevanceCalibration(encoder.fingerprint, *fit(other[0], other[1]), 0, 0.0)
        unseen.append(np.array([fitted.probability(float(each)) for each in own[0]]))
    probabilities = np.concatenate(unseen)
    # With few large documents, all neighbors of a question may be passages of its own document.
    bounds = BOUNDS if has_answer.any() and not has_answer.all() else ()
    return RelevanceCalibration(
        encoder.fingerprint, slope, offset, len(first) + len(second),
        expected_calibration_error(probabilities, answers),
        reliability(probabilities, answers),
        tuple(
            Abstention(
                bound, float(np.mean(probabilities[~has_answer] < bound)),
                float(np.mean(probabilities[has_answer] < bound)),
            )
            for bound in bounds
        ),
    )  # fmt: skip


def fit(cosines: NDArray[np.float64], answers: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and offset of the logistic function with the highest likelihood, with Platt's
    smoothed targets."""
    positives = int(answers.sum())
    negatives = len(answers) - positives
    high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
    targets = np.where(answers, high, low)
    features = np.column_stack([cosines, np.ones(len(cosines))])
    weights = np.zeros(2)
    for _ in range(100):  # Newton's method; it converges in about ten steps
        probabilities = 1 / (1 + np.exp(-np.clip(features @ weights, -60, 60)))
        prior = np.array([_PRIOR, 0.0])
        gradient = features.T @ (targets - probabilities) - prior * weights
        spread = probabilities * (1 - probabilities) + 1e-9
        hessian = (features * spread[:, None]).T @ features + np.diag(prior)
        step = np.linalg.solve(hessian, gradient)
        weights += np.clip(step, -20, 20)
        if np.abs(step).max() < 1e-9:
            break
    return float(weights[0]), float(weights[1])


def expected_calibration_error(
    probabilities: NDArray[np.float64], answers: NDArray[np.bool_]
) -> float:
    """Return the mean distance of the probability from the share of answers, over 10 bins of equal
    width, weighted by their size (Naeini et al., AAAI 2015). 0 without values."""
    return sum(
        each.count * abs(each.probability - each.answered) / len(probabilities)
        for each in reliability(probabilities, answers)
    )


def reliability(
    probabilities: NDArray[np.float64], answers: NDArray[np.bool_]
) -> tuple[ReliabilityBin, ...]:
    """Return the bins of a reliability diagram that have a value: 10 of equal width."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    found = []
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            found.append(
                ReliabilityBin(
                    number / BINS, (number + 1) / BINS, int(inside.sum()),
                    float(probabilities[inside].mean()), float(answers[inside].mean()),
                )
            )  # fmt: skip
    return tuple(found)


def _pairs(
    connection: sqlite3.Connection,
    model_id: int,
    encoder: Encoder,
    questions: Sequence[SelfQuestion],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the first two arrays of `_ask`."""
    return _ask(connection, model_id, encoder, questions)[:2]


def _ask(
    connection: sqlite3.Connection,
    model_id: int,
    encoder: Encoder,
    questions: Sequence[SelfQuestion],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return of the best hit of each question, asked both ways: its cosine, whether it answers, and
    whether the question was asked with its document."""
    vectors = encoder.encode_queries([question.text for question in questions])
    ranked = rank_exactly(connection, model_id, vectors, _DEPTH)
    # Each document is in memory once: most questions may be of one large document.
    read = {
        document_id: headers_and_spans(connection, document_id)
        for document_id in {question.document_id for question in questions}
    }
    documents = [read[question.document_id] for question in questions]
    masked = _masked_cosines(encoder, questions, vectors, documents)
    cosines: list[float] = []
    answers: list[bool] = []
    with_document: list[bool] = []
    for question, ranking, own, replaced in zip(questions, ranked, documents, masked, strict=True):
        others = [(cosine, False) for passage_id, cosine in ranking if passage_id not in own]
        inside = [
            (cosine, _answers(question, *own[passage_id][1:3]))
            for passage_id, cosine in ({**dict(ranking), **replaced}).items()
            if passage_id in own
        ]
        with_answer = sorted([*others, *inside], reverse=True)[:_HITS]
        for cosine, is_answer in (*with_answer, *others[:_HITS]):
            cosines.append(cosine)
            answers.append(is_answer)
        with_document += [True] * len(with_answer) + [False] * len(others[:_HITS])
    return (
        np.array(cosines), np.array(answers, dtype=bool), np.array(with_document, dtype=bool),
    )  # fmt: skip


def _answers(question: SelfQuestion, start: int, end: int) -> bool:
    """Whether a passage has half of the answer, or half of it is in the answer."""
    return any(
        2 * (min(end, target[1]) - max(start, target[0])) >= min(end - start, target[1] - target[0])
        for target in question.targets
    )


def _masked_cosines(
    encoder: Encoder,
    questions: Sequence[SelfQuestion],
    vectors: NDArray[np.float32],
    documents: Sequence[Mapping[int, tuple[str, int, int, str]]],
) -> list[dict[int, float]]:
    """Return, for each question, the cosines of the passages that contain it, without it in their
    text."""
    places: list[tuple[int, int]] = []  # question and passage
    texts: list[str] = []
    starts: list[int] = []
    for number, (question, own) in enumerate(zip(questions, documents, strict=True)):
        first, last = question.source or (0, 0)
        for passage_id, (header, start, end, text) in own.items():
            if start < last and first < end:
                before, after = text[: max(0, first - start)], text[max(0, last - start) :]
                prefix = f"{header}\n" if header else ""
                places.append((number, passage_id))
                texts.append(f"{prefix}{before}{after}".rstrip())
                starts.append(min(len(prefix), len(texts[-1])))
    cosines: list[dict[int, float]] = [{} for _ in questions]
    if not texts:
        return cosines
    rows = encode_with_headers(encoder, texts, starts)
    for (number, passage_id), row in zip(places, rows, strict=True):
        cosines[number][passage_id] = float(row @ vectors[number])
    return cosines
