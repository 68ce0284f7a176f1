"""Recall of the product quantizer on real texts and questions.

The texts are paragraphs of the standard library's docstrings and of data/; the questions are those
of data/ and the beginnings of held-out paragraphs. The expected neighbors are those of brute force
in NumPy.
"""

import json
import sysconfig
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from bench.vectors.data import iter_paragraphs
from ragkit.encoders.spec import ModelSpec
from ragkit.models.selection import load
from ragkit.storage.vectors import flat_file, quantized
from ragkit.storage.vectors.index import MAX_CANDIDATE_SHARE, VectorIndex
from tests.conftest import REAL_MODEL, REPOSITORY

pytestmark = REAL_MODEL
TEXTS, HELD_OUT = 2_500, 150
DATA = REPOSITORY / "data"


def questions():
    for name in ("questions.jsonl", "unanswerable.jsonl"):
        for line in (DATA / name).read_text().splitlines():
            yield json.loads(line)["question"]


@pytest.fixture(scope="module")
def embedded():
    """Return (n, d) vectors of texts and (m, d) vectors of questions about them."""
    library = Path(sysconfig.get_path("stdlib"))
    texts = list(islice(iter_paragraphs(library), TEXTS + HELD_OUT))
    openings = [" ".join(text.split()[:12]) for text in texts[TEXTS:]]
    encoder = load(ModelSpec("all-MiniLM-L6-v2"))[1]
    rows = encoder.encode_passages(
        [text[:120] for text in [*texts[:TEXTS], *iter_paragraphs(DATA)]]
    )
    return rows, encoder.encode_queries([*questions(), *openings])


@pytest.fixture(scope="module")
def index(embedded, tmp_path_factory):
    """Return an index with compressed vectors, although there are too few vectors for them."""
    rows, folder = embedded[0], tmp_path_factory.mktemp("real")
    blobs = ((position, row.tobytes()) for position, row in enumerate(rows))
    flat_file.write(folder / "exact", blobs, rows.shape[1])
    base = flat_file.FlatFile(folder / "exact", rows.shape[1])
    known = quantized.write(
        folder / "codes", base, quantized.kind(quantized.EXACT_BELOW, rows.shape[1])
    )
    return VectorIndex.from_file(
        base, rows.shape[1], 1, quantized.QuantizedVectors(folder / "codes", known, len(base))
    )


@pytest.mark.parametrize("topic", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_compressed_search_within_a_filter_finds_the_true_neighbors(
    embedded, index, monkeypatch, share, topic
):
    """The filter is random or one topic. The ten nearest are among the 26 candidates."""
    rows, queries = embedded
    monkeypatch.setattr("ragkit.storage.vectors.index.FULL_SCAN_SHARE", -1.0)
    size = round(share * len(rows))
    positions = np.random.default_rng(0).permutation(len(rows))[:size]
    if topic:
        positions = np.argsort(-(rows @ queries[0]))[:size]
    ids, missed = np.sort(positions), 0
    for query in queries:
        expected = ids[np.argsort(-(rows[ids] @ query), kind="stable")[:10]]
        missed += (~np.isin(expected, index.top_k_of(query, 26, ids, exact=False)[0])).sum()
    assert missed == 0


@pytest.mark.parametrize("k", [1, 10, 26])
def test_the_candidates_of_the_quantizer_contain_the_true_neighbors(embedded, index, k):
    rows, queries = embedded
    assert len(rows) >= TEXTS
    max_candidates = MAX_CANDIDATE_SHARE * len(rows)  # with more, all vectors are compared
    assert index.quantized.candidate_count(k) <= max_candidates
    shares = []
    for query in queries:
        expected = np.argsort(-(rows @ query), kind="stable")[:k]
        shares.append(np.isin(expected, index.top_k(query, k)[0]).mean())
    assert np.mean(shares) >= 0.99
