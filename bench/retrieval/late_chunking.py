"""Late chunking and larger passages against passages that are embedded alone.

    python -m bench late
    RAGKIT_BENCH_MODEL=MODEL        another encoder that NumPy computes
    RAGKIT_BENCH_STEP=3             every third question

xquad-en: the paragraphs of an article, in their order, are the passages; a window is as many whole
paragraphs as the encoder reads at once. *Alone*: each paragraph is encoded by itself. *Late*
(Günther et al. 2024, https://arxiv.org/abs/2409.04701): the window is encoded, and the vector of a
paragraph is the mean of its tokens' vectors there. *Larger*: one vector for the window. nDCG@10 and
MRR@10 over the paragraphs (those of a larger passage share its rank); the share of the questions
whose paragraph is within the first 600 and 1,200 tokens of the passages in their order, which is
what an answer is made of.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.retrieval.models import first_ranks
from bench.retrieval.weights import SETS, ndcg
from ragkit.encoders.resolve import load
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.spec import DEFAULT_MODEL
from ragkit.evaluation.beir import LabelledDataset, read_dataset

BUDGETS = (600, 1200)
SEPARATOR = "\n\n"


class Window(NamedTuple):
    """Paragraphs of an article that the encoder reads together."""

    text: str
    spans: list[tuple[int, int]]  # of each paragraph in the text
    ids: list[str]


def windows(dataset: LabelledDataset, encoder: SentenceEncoder) -> Iterator[Window]:
    """Yield the windows of all articles; a paragraph that does not fit is one by itself."""
    articles: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for document in dataset.corpus():
        articles[document.title].append((document.id, document.text))
    for paragraphs in articles.values():
        ids: list[str] = []
        texts: list[str] = []
        for row_id, text in paragraphs:
            joined = SEPARATOR.join([*texts, text])
            if texts and encoder.count_tokens([joined])[0] > encoder.window:
                yield _window(ids, texts)
                ids, texts = [], []
            ids.append(row_id)
            texts.append(text)
        yield _window(ids, texts)


def _window(ids: list[str], texts: Sequence[str]) -> Window:
    spans, start = [], 0
    for text in texts:
        spans.append((start, start + len(text)))
        start += len(text) + len(SEPARATOR)
    return Window(SEPARATOR.join(texts), spans, ids)


def late_vectors(encoder: SentenceEncoder, window: Window) -> np.ndarray:
    """Return the mean of each paragraph's token vectors, (paragraphs, d), unit rows."""
    prompt = encoder.model_folder.passage_prompt
    found = encoder.hidden_states(prompt + window.text)
    starts = found.spans[:, 0] - len(prompt)
    is_text = found.spans[:, 1] > found.spans[:, 0]
    rows = []
    for start, end in window.spans:
        inside = is_text & (starts >= start) & (starts < end)
        rows.append(found.states[-1][inside].mean(axis=0))
    vectors = np.stack(rows)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def found_within(
    scores: np.ndarray, grades: np.ndarray, units: np.ndarray, tokens: np.ndarray, budget: int
) -> float:
    """Return the share of the queries with a relevant passage within the first `budget` tokens.

    scores, grades: (queries, passages). `units` (passages,) are the numbers of what is returned as
    one, `tokens` (passages,) the tokens of each passage.
    """
    found = 0
    for query_scores, query_grades in zip(scores, grades, strict=True):
        room, seen = budget, set()
        for passage in np.argsort(-query_scores, kind="stable"):
            if units[passage] in seen:
                continue
            together = units == units[passage]
            room -= int(tokens[together].sum())
            if room < 0:
                break
            seen.add(units[passage])
            if query_grades[together].any():
                found += 1
                break
    return found / len(scores)


def main() -> None:
    folder = SETS / "xquad-en"
    if not folder.is_dir():
        print(f"left out: {folder} is not here")
        return
    dataset = read_dataset(folder)
    name = os.environ.get("RAGKIT_BENCH_MODEL", DEFAULT_MODEL)
    encoder = load(name)
    step = int(os.environ.get("RAGKIT_BENCH_STEP", "1"))
    chosen = dict(list(dataset.queries.items())[::step])
    queries = encoder.encode_queries(list(chosen.values()))
    parts = list(windows(dataset, encoder))
    ids = [row_id for part in parts for row_id in part.ids]
    texts = [part.text[start:end] for part in parts for start, end in part.spans]
    grades = np.array([[dataset.qrels[query].get(each, 0) for each in ids] for query in chosen])
    tokens = np.array(encoder.count_tokens(texts))
    window_of = np.repeat(np.arange(len(parts)), [len(part.ids) for part in parts])
    alone = np.arange(len(ids))
    larger = encoder.encode_passages([part.text for part in parts])[window_of]
    rankings = {
        "alone": (encoder.encode_passages(texts), alone),
        "late": (np.concatenate([late_vectors(encoder, part) for part in parts]), alone),
        "larger": (larger, window_of),
    }
    print(
        f"\n{Path(name).name}, {len(ids)} paragraphs in {len(parts)} windows of up to "
        f"{encoder.window} tokens, {len(chosen)} questions\n\n| | nDCG@10 | MRR@10 | within "
        f"{BUDGETS[0]} tokens | {BUDGETS[1]:,} tokens |\n|---|---|---|---|---|"
    )
    for label, (vectors, units) in rankings.items():
        scores = queries @ vectors.T
        shares = (found_within(scores, grades, units, tokens, budget) for budget in BUDGETS)
        print(
            f"| {label} | {ndcg(scores, grades).mean():.3f} | "
            f"{first_ranks(scores, grades).mean():.3f} | "
            f"{' | '.join(f'{share:.3f}' for share in shares)} |",
            flush=True,
        )
