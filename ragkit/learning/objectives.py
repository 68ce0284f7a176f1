"""Training objectives: for each, a loss and the measure of the dev set.

Contract: a loss is one of sentence-transformers', created for a model; a measure maps a model and
dev examples to one number (higher is better), or None where it is undefined. Both texts of a pair
go through the same weights, so gradients come from both: a siamese network (Reimers & Gurevych
2019, https://arxiv.org/abs/1908.10084). Knows no files and no training loop.

For scores, `cosine` is the default. It is the paper's regression objective, and its target is the
value that ragkit shows as a score, so 0.8 keeps the annotators' meaning. `cosent` (Su 2022,
https://kexue.fm/archives/8847) only trains the order of the pairs. It often ranks slightly better,
but the level of its cosines has no meaning.
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

Array: TypeAlias = NDArray[np.float32]
Loss: TypeAlias = Any  # a torch.nn.Module; torch is imported late
Prompts: TypeAlias = tuple[str, str]  # prepended to the first and to the second text of each pair
LossFactory: TypeAlias = Callable[["SentenceTransformer", int], Loss]  # (model, number of classes)
Measure: TypeAlias = Callable[
    ["SentenceTransformer", Loss, Sequence[Example], Prompts], float | None
]

_ENCODING_BATCH = 64  # texts
_MRR_CUTOFF = 10
_QUERY_BLOCK = 1_000  # queries whose scores are in memory at a time


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss, and how its result is measured on the dev set."""

    create_loss: LossFactory
    measure: Measure
    metric: str  # the name of what `measure` returns
    batch_size: int  # default, in pairs: 16 as in the paper; in-batch negatives need more


def _create_cosine_loss(model: SentenceTransformer, class_count: int) -> Loss:
    """Mean squared error between cosine and score."""
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    return CosineSimilarityLoss(model)


def _create_cosent_loss(model: SentenceTransformer, class_count: int) -> Loss:
    """Pairwise ranking loss over the cosines of all pairs in a batch."""
    from sentence_transformers.sentence_transformer.losses import CoSENTLoss

    return CoSENTLoss(model)


def _create_softmax_loss(model: SentenceTransformer, class_count: int) -> Loss:
    """Cross entropy of a linear layer over (u, v, |u − v|), section 3 of Reimers & Gurevych. The
    layer is trained with the model and then discarded."""
    from sentence_transformers.sentence_transformer.losses import SoftmaxLoss

    return SoftmaxLoss(model, model.get_embedding_dimension(), num_labels=class_count)


def _create_ranking_loss(model: SentenceTransformer, class_count: int) -> Loss:
    """Cross entropy of each pair's second text against those of all other pairs in the batch
    (in-batch negatives, Henderson et al. 2017, https://arxiv.org/abs/1705.00652) and, of triplets,
    against all hard negatives."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    return MultipleNegativesRankingLoss(model)


def for_shorter_vectors(model: SentenceTransformer, loss: Loss, dimensions: Sequence[int]) -> Loss:
    """Return the sum of a loss over whole vectors and over the first numbers of each, as many as
    `dimensions` say, scaled to unit length (Kusupati et al. 2022, Matryoshka Representation
    Learning, https://arxiv.org/abs/2205.13147)."""
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

    whole = model.get_embedding_dimension()
    return MatryoshkaLoss(model, loss, sorted({whole, *dimensions}, reverse=True))


def measure_spearman(
    model: SentenceTransformer, loss: Loss, dev: Sequence[Example], prompts: Prompts
) -> float | None:
    """Return Spearman's rank correlation of cosines and scores, in [-1, 1]. Ties have their mean
    rank. Returns None if all cosines or all scores are equal."""
    from scipy.stats import rankdata

    first, second = _encode_pairs(model, dev, prompts, normalize=True)
    predicted = rankdata(np.einsum("nd,nd->n", first, second))
    gold = rankdata([example.target for example in dev])
    if len(set(predicted)) < 2 or len(set(gold)) < 2:
        return None
    return float(np.corrcoef(predicted, gold)[0, 1])


def measure_accuracy(
    model: SentenceTransformer, loss: Loss, dev: Sequence[Example], prompts: Prompts
) -> float | None:
    """Return the share of pairs, in [0, 1], whose class the head of `loss` predicts correctly."""
    import torch

    sides = _encode_pairs(model, dev, prompts, normalize=False)
    u, v = (torch.from_numpy(vectors).to(model.device) for vectors in sides)
    with torch.no_grad():
        logits = loss.classifier(torch.cat([u, v, (u - v).abs()], dim=1))
        predicted = logits.argmax(dim=1).cpu().numpy()
    return float(np.mean(predicted == [example.target for example in dev]))


def measure_mrr(
    model: SentenceTransformer, loss: Loss, dev: Sequence[Example], prompts: Prompts
) -> float | None:
    """Return MRR@10, in [0, 1]: the mean over the distinct queries (first texts) of 1 / rank of the
    best ranked passage that belongs to the query, among all dev passages; 0 beyond rank 10."""
    queries, passages = (list(dict.fromkeys(texts)) for texts in _texts(dev))
    passage_index = {text: i for i, text in enumerate(passages)}
    relevant: dict[str, list[int]] = {}
    for example in dev:
        relevant.setdefault(example.first, []).append(passage_index[example.second])
    query_vectors = _encode(model, queries, prompts[0], normalize=True)
    passage_vectors = _encode(model, passages, prompts[1], normalize=True)
    total = 0.0
    for start in range(0, len(queries), _QUERY_BLOCK):
        scores = query_vectors[start : start + _QUERY_BLOCK] @ passage_vectors.T
        for query, row in zip(queries[start:], scores, strict=False):
            rank = 1 + int(np.sum(row > max(row[relevant[query]])))
            total += 1 / rank if rank <= _MRR_CUTOFF else 0.0
    return total / len(queries)


def _texts(dev: Sequence[Example]) -> tuple[list[str], list[str]]:
    return [example.first for example in dev], [example.second for example in dev]


def _encode_pairs(
    model: SentenceTransformer,
    dev: Sequence[Example],
    prompts: Prompts,
    *,
    normalize: bool,
) -> tuple[Array, Array]:
    """Return the vectors of the first and of the second texts, (n, d) float32 each. A text that
    occurs several times is encoded once."""
    sides = []
    for texts, prompt in zip(_texts(dev), prompts, strict=True):
        index = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        vectors = _encode(model, list(index), prompt, normalize=normalize)
        sides.append(vectors[[index[text] for text in texts]])
    return sides[0], sides[1]


def _encode(model: SentenceTransformer, texts: list[str], prompt: str, *, normalize: bool) -> Array:
    vectors: Array = model.encode(
        texts,
        prompt=prompt,
        batch_size=_ENCODING_BATCH,
        normalize_embeddings=normalize,
        convert_to_numpy=True,
        show_progress_bar=False,
    )
    return vectors


OBJECTIVES: dict[str, Objective] = {
    "cosine": Objective(_create_cosine_loss, measure_spearman, "Spearman", 16),
    "cosent": Objective(_create_cosent_loss, measure_spearman, "Spearman", 16),
    "softmax": Objective(_create_softmax_loss, measure_accuracy, "accuracy", 16),
    "ranking": Objective(_create_ranking_loss, measure_mrr, "MRR@10", 32),
}
