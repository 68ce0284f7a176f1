"""Composite queries: parts of a query that the caller supplies, each for the ranker it suits.

The question is embedded; `keywords` are for BM25; a hypothetical answer moves the question's vector
towards passages that look like it. Gao, Ma, Lin and Callan, "Precise Zero-Shot Dense Retrieval
without Relevance Labels" (HyDE), ACL 2023: the vectors of question and answer are averaged. Ranks
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ragkit.analysis.query_syntax import ParsedQuery, parse_query

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.encoders import Encoder


def keyword_query(question: str, keywords: str) -> ParsedQuery:
    """Return the parsed keywords, with the question as the original text, which is embedded."""
    return parse_query(keywords)._replace(original=parse_query(question).original)


def with_hypothetical(
    encoder: Encoder, vectors: NDArray[np.float32], hypothetical: str
) -> NDArray[np.float32]:
    """Return the mean of each query's vector and that of a hypothetical answer, as unit vectors.

    `vectors` and the result are (n, d) float32, unit rows; zeros for a text that the encoder cannot
    read, which counts as absent. The answer is embedded as a passage, which it imitates.
    """
    answer = encoder.encode_passages([hypothetical])[0]
    if not answer.any():
        return vectors
    summed = vectors.astype(np.float64) + answer
    norms = np.linalg.norm(summed, axis=1, keepdims=True)
    # Opposite vectors have no mean; then the answer counts.
    mean = np.where(norms > 1e-6, summed / np.maximum(norms, 1e-6), answer)
    unit: NDArray[np.float32] = mean.astype(np.float32)
    return unit
