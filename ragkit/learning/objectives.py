"""What training minimises, and what the dev set measures: one entry an objective.

Contract: a loss is sentence-transformers' own, made for a model; a measure turns a model and dev
examples into one number, higher is better, or None where it is undefined. Both halves of a pair
go through the same weights, so that gradients come from both (a siamese network; Reimers &
Gurevych 2019, https://arxiv.org/abs/1908.10084). Knows no files and no loop.

For scores `cosine` is the default: it is the paper's regression objective, and its target is the
very number ragkit shows as a score, so that 0.8 goes on meaning what the annotators meant by it.
`cosent` only asks that pairs come out in the right order. It often ranks a little better, and its
cosines may lie anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.learning.labels import Example

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Array = NDArray[np.float32]
Loss: TypeAlias = Any
"""A torch module; torch is imported late."""
Prompts = tuple[str, str]
"""What goes before the first and before the second text of a pair."""
Measure = Callable[["SentenceTransformer", Loss, Sequence[Example], Prompts], float | None]

_AT_ONCE = 64  # texts a batch of dev
_TOP = 10  # of MRR@10
_QUESTIONS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Objective:
    """How one kind of pairs is learned."""

    loss: Callable[[SentenceTransformer, int], Loss]
    """(SentenceTransformer, number of classes) → the loss, a torch module."""
    measure: Measure
    metric: str
    """What `measure` returns, in words."""
    batch_size: int
    """The default: 16 is the paper's; in-batch negatives need more of them."""


def _cosine(model: SentenceTransformer, classes: int) -> Loss:
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    return CosineSimilarityLoss(model)


def _cosent(model: SentenceTransformer, classes: int) -> Loss:
    from sentence_transformers.sentence_transformer.losses import CoSENTLoss

    return CoSENTLoss(model)


def _softmax(model: SentenceTransformer, classes: int) -> Loss:
    """A linear layer over (u, v, |u − v|), trained along and not kept: section 3 of the paper."""
    from sentence_transformers.sentence_transformer.losses import SoftmaxLoss

    return SoftmaxLoss(model, model.get_embedding_dimension(), num_labels=classes)


def _ranking(model: SentenceTransformer, classes: int) -> Loss:
    """Each question's passage against all others of the batch (Henderson et al. 2017,
    https://arxiv.org/abs/1705.00652)."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    return MultipleNegativesRankingLoss(model)


def spearman(
    model: SentenceTransformer, loss: Loss, dev: Sequence[Example], prompts: Prompts
) -> float | None:
    """Rank correlation of cosines and gold scores, ties by average rank; None where either side
    is constant."""
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    first, second = _both(model, dev, prompts, unit=True)
    found = rankdata(np.einsum("nd,nd->n", first, second))
    gold = rankdata([example.target for example in dev])
    if len(set(found)) < 2 or len(set(gold)) < 2:
        return None
    return float(np.corrcoef(found, gold)[0, 1])


def accuracy(
    model: SentenceTransformer, loss: Loss, dev: Sequence[Example], prompts: Prompts
) -> float | None:
    """Share of pairs that the classification head, as trained so far, names rightly."""
    import torch

    first, second = _both(model, dev, prompts, unit=False)
    u, v = (torch.from_numpy(each).to(model.device) for each in (first, second))
    with torch.no_grad():
        named = loss.classifier(torch.cat([u, v, (u - v).abs()], dim=1)).argmax(dim=1).cpu().numpy()
    return float(np.mean(named == [example.target for example in dev]))


def mrr(
    model: SentenceTransformer, loss: Loss, dev: Sequence[Example], prompts: Prompts
) -> float | None:
    """Mean over the dev questions of 1 / rank of the first passage that belongs to it, among all
    passages of dev; 0 beyond rank 10."""
    questions, passages = (list(dict.fromkeys(texts)) for texts in _texts(dev))
    place = {text: i for i, text in enumerate(passages)}
    right: dict[str, list[int]] = {}
    for example in dev:
        right.setdefault(example.first, []).append(place[example.second])
    asked = _encode(model, questions, prompts[0], unit=True)
    found = _encode(model, passages, prompts[1], unit=True)
    total = 0.0
    for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
        scores = asked[start : start + _QUESTIONS_AT_ONCE] @ found.T
        for question, row in zip(questions[start:], scores, strict=False):
            rank = 1 + int(np.sum(row > max(row[right[question]])))
            total += 1 / rank if rank <= _TOP else 0.0
    return total / len(questions)


def _texts(dev: Sequence[Example]) -> tuple[list[str], list[str]]:
    return [example.first for example in dev], [example.second for example in dev]


def _both(
    model: SentenceTransformer,
    dev: Sequence[Example],
    prompts: Prompts,
    *,
    unit: bool,
) -> tuple[Array, Array]:
    """(n, d) float32 each: the vectors of both halves, every distinct text encoded once."""
    sides = []
    for texts, prompt in zip(_texts(dev), prompts, strict=True):
        distinct = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        vectors = _encode(model, list(distinct), prompt, unit=unit)
        sides.append(vectors[[distinct[text] for text in texts]])
    return sides[0], sides[1]


def _encode(model: SentenceTransformer, texts: list[str], prompt: str, *, unit: bool) -> Array:
    vectors: Array = model.encode(
        texts,
        prompt=prompt,
        batch_size=_AT_ONCE,
        normalize_embeddings=unit,
        convert_to_numpy=True,
        show_progress_bar=False,
    )
    return vectors


OBJECTIVES: dict[str, Objective] = {
    "cosine": Objective(_cosine, spearman, "Spearman", 16),
    "cosent": Objective(_cosent, spearman, "Spearman", 16),
    "softmax": Objective(_softmax, accuracy, "accuracy", 16),
    "ranking": Objective(_ranking, mrr, "MRR@10", 32),
}
