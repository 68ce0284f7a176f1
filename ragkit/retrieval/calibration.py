"""Calibration of the fusion: how an encoder's cosines behave on the passages of a collection.

It is measured on a sample when the sample has changed, and stored in the table `collection`:
rebuildable data like the index files, of one encoder. The sample follows from the passages' hashes,
so collections of the same passages have the same calibration, however they came about. Two numbers:

- *spread*: the mean standard deviation of a query's cosines. The beginnings of a few passages are
  the queries. Encoders differ by a factor of four.
- *readability*: whether passages that are close by their vectors share words. The nearest passages
  of a sample passage are ranked by BM25 with that passage as the query; the mean percentile of
  their ranks is near one half if the encoder cannot read the language, and near 1 if it can. Before
  there are enough passages, the languages that the model's card names decide.

Knows no ranking.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ragkit.encoders.model_card import MULTILINGUAL
from ragkit.errors import ModelError
from ragkit.retrieval.fusion import DEFAULT_SPREAD, FusionWeights
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.connection import remembered
from ragkit.storage.sqlite.state import generation, set_value, value

if TYPE_CHECKING:
    import sqlite3

    from numpy.typing import NDArray

    from ragkit.encoders import Encoder
    from ragkit.storage.index_reader import IndexReader
    from ragkit.storage.lexical.index import LexicalIndex
    from ragkit.storage.sqlite.database import Database
    from ragkit.storage.vectors.index import VectorIndex

KEY = "fusion"  # of the table `collection`
SAMPLE = 400  # passages: enough for two digits, and few enough to measure after each change
_VERSION = 2  # of the way in which the numbers are measured
_SEED = 0
_QUERIES = 16  # beginnings of passages that are encoded
_QUERY_WORDS = 12  # of each
_MIN_SPREAD_PASSAGES = 10  # with fewer, the spread is DEFAULT_SPREAD
_MIN_SPREAD = 0.005  # of an encoder whose vectors are nearly the same for all texts
_MIN_GATE_PASSAGES = 50  # with fewer, the model's card decides
_GATE_QUERIES = 100
_GATE_NEIGHBORS = 10
_GATE_SHARE = 1 / 24  # of the sample that these are at most
_UNREADABLE, _READABLE = 0.6, 0.74  # mean percentiles
_PRIOR = 30  # passages of an assumed readability beside those of the sample
# The assumed readability of a language that the model's card does not name; 1 of those it names.
# Measured with an English model: Spanish .7, German .4, scripts other than Latin 0 to .3.
_FOREIGN_READABILITY = 0.4
_K1, _B = 1.2, 0.75  # of BM25


class FusionCalibration(NamedTuple):
    """The weights of the fusion, and what they were measured on."""

    weights: FusionWeights
    fingerprint: str  # of the encoder
    sample: str  # digest of the passages it was measured on
    generation: int  # of the collection when the sample was last compared


@remembered
def load(connection: sqlite3.Connection, fingerprint: str) -> FusionCalibration | None:
    """Return the stored calibration of this encoder; None if there is none, or a damaged one."""
    try:
        stored = json.loads(str(value(connection, KEY)))
        spread, readability = float(stored["spread"]), float(stored["readability"])
        sample, generation_then = str(stored["sample"]), int(stored.get("generation", -1))
        is_valid = _MIN_SPREAD <= spread <= 1 and 0 <= readability <= 1
        if not is_valid or stored["fingerprint"] != fingerprint:
            return None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return FusionCalibration(
        FusionWeights(spread, readability), fingerprint, sample, generation_then
    )


def is_current(connection: sqlite3.Connection, fingerprint: str) -> bool:
    """Whether no passage has changed since the calibration: a process that was killed between a
    change and `update` leaves an older one."""
    stored = load(connection, fingerprint)
    return stored is not None and stored.generation == generation(connection)


def store(connection: sqlite3.Connection, calibration: FusionCalibration) -> None:
    """Store the calibration in place of an earlier one."""
    set_value(connection, KEY, to_json(calibration))


def to_json(calibration: FusionCalibration) -> str:
    """Return the calibration as it is stored."""
    record = {
        "fingerprint": calibration.fingerprint,
        "sample": calibration.sample,
        "generation": calibration.generation,
        "spread": round(calibration.weights.spread, 6),
        "readability": round(calibration.weights.readability, 6),
    }
    return json.dumps(record)


def update(database: Database, indexes: IndexReader, load_encoder: Callable[[], Encoder]) -> None:
    """Measure and store the calibration, unless the stored one is current. The caller holds the
    writer lock. Without vectors, and if the encoder cannot be used now, nothing changes."""
    with database.reading() as connection:
        found = find(connection, indexes, load_encoder)
    if found is not None:
        with database.writing() as connection:
            store(connection, found)


def find(  # noqa: PLR0911
    connection: sqlite3.Connection, indexes: IndexReader, load_encoder: Callable[[], Encoder]
) -> FusionCalibration | None:
    """Return the calibration of this snapshot; None if the stored one is current, without vectors,
    and if the encoder cannot be used now."""
    model = passages.model(connection)
    if model is None:
        return None
    stored = load(connection, model["fingerprint"])
    now = generation(connection)
    if stored is not None and stored.generation == now:
        return None
    sample = passages.sample_by_hash(connection, model["id"], SAMPLE)
    if not sample:
        return None
    digest = _digest(sample)
    if stored is not None and stored.sample == digest:
        weights = stored.weights
    else:
        index = indexes.vectors(connection)
        if index is None or not len(index):
            return None
        try:
            encoder = load_encoder()
            if encoder.fingerprint != model["fingerprint"]:
                return None
            ids = [passage_id for passage_id, _ in sample]
            foreign = _foreign_share(indexes.lexical(connection), ids, encoder)
            weights = measure(connection, ids, index, encoder, foreign)
        except ModelError:  # of a server, or a moved model: not needed to search by words
            return None
    return FusionCalibration(weights, model["fingerprint"], digest, now)


def _foreign_share(lexical: LexicalIndex, ids: Sequence[int], encoder: Encoder) -> float:
    """Return the share of passages in languages that the encoder's model card does not name; 0
    where it names none, or is multilingual."""
    languages: tuple[str, ...] = getattr(encoder, "languages", ())
    known = {code.lower().partition("-")[0] for code in languages}
    if not known or MULTILINGUAL in known:
        return 0.0
    found = lexical.languages(ids)
    return sum(code not in known for code in found.values()) / max(1, len(found))


def measure(
    connection: sqlite3.Connection,
    ids: Sequence[int],
    index: VectorIndex,
    encoder: Encoder,
    foreign: float = 0.0,
) -> FusionWeights:
    """Measure the weights on these passages, in this order.

    `foreign` is the share of them in languages that the encoder does not claim to read. Encodes a
    few short queries. Takes a fifth of a second. Raises ModelError if
    the encoder fails.
    """
    found, vectors = index.vectors_of(np.array(ids, dtype=np.int64))
    row_of = {int(passage_id): row for row, passage_id in enumerate(found)}
    texts_by_id = passages.texts(connection, ids)
    known = [each for each in ids if each in row_of and each in texts_by_id]
    texts = [texts_by_id[each] for each in known]
    vectors = vectors[[row_of[each] for each in known]]
    expected = 1 - foreign * (1 - _FOREIGN_READABILITY)
    return FusionWeights(
        _measure_spread(texts, vectors, encoder), _measure_readability(texts, vectors, expected)
    )


def _digest(sample: Sequence[tuple[int, bytes]]) -> str:
    """Return what identifies a sample and the way it is measured."""
    hashes = b"".join(text_hash for _, text_hash in sample)
    return blake2b(hashes, digest_size=8, person=b"fusion%d" % _VERSION).hexdigest()


def _measure_spread(texts: Sequence[str], vectors: NDArray[np.float32], encoder: Encoder) -> float:
    """Return the mean standard deviation of the cosines of queries with the passages."""
    if len(texts) < _MIN_SPREAD_PASSAGES:
        return DEFAULT_SPREAD
    chosen = np.random.default_rng(_SEED).permutation(len(texts))[:_QUERIES]
    queries = [" ".join(texts[row].split()[:_QUERY_WORDS]) for row in chosen]
    query_vectors = encoder.encode_queries(queries)
    deviations = [
        np.delete(vectors @ vector, row).std()  # without the passage that the query is from
        for row, vector in zip(chosen, query_vectors, strict=True)
        if vector.any()
    ]
    return float(max(_MIN_SPREAD, np.mean(deviations))) if deviations else DEFAULT_SPREAD


def _measure_readability(
    texts: Sequence[str], vectors: NDArray[np.float32], expected: float
) -> float:
    """Return 0 to 1 by the mean BM25 percentile of the passages' nearest neighbors; what is
    `expected` where there are few passages."""
    count = len(texts)
    if count < _MIN_GATE_PASSAGES:
        return expected
    from ragkit.analysis.analyzer import content_terms  # not for a search

    term_counts = [Counter(content_terms(text)) for text in texts]
    weights = _bm25_weights(term_counts)
    neighbor_count = max(1, min(_GATE_NEIGHBORS, int(count * _GATE_SHARE)))
    percentiles = []
    queries = min(_GATE_QUERIES, count)
    for row in np.linspace(0, count - 1, queries, dtype=np.int64).tolist():
        bm25 = np.zeros(count)
        for term in term_counts[row]:
            rows, scores = weights[term]
            bm25[rows] += scores
        cosines = vectors @ vectors[row]
        cosines[row] = -np.inf
        others = np.delete(bm25, row)
        nearest = bm25[np.argsort(-cosines, kind="stable")[:neighbor_count], np.newaxis]
        ranks = (others < nearest).sum(axis=1) + (others == nearest).sum(axis=1) / 2
        percentiles.append(ranks.mean() / len(others))
    share = (float(np.mean(percentiles)) - _UNREADABLE) / (_READABLE - _UNREADABLE)
    return (count * min(1.0, max(0.0, share)) + _PRIOR * expected) / (count + _PRIOR)


def _bm25_weights(
    term_counts: Sequence[Counter[str]],
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return term → the rows of the texts that contain it, ascending, and its BM25 in each."""
    count = len(term_counts)
    postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, counts in enumerate(term_counts):
        for term, frequency in counts.items():
            postings[term].append((row, frequency))
    lengths = np.array([counts.total() for counts in term_counts], dtype=np.float64)
    norms = _K1 * (1 - _B + _B * lengths / max(1.0, lengths.mean()))
    weights = {}
    for term, pairs in postings.items():
        rows, frequencies = np.array(pairs, dtype=np.int64).T
        idf = math.log(1 + (count - len(rows) + 0.5) / (len(rows) + 0.5))
        weights[term] = rows, idf * frequencies * (_K1 + 1) / (frequencies + norms[rows])
    return weights
