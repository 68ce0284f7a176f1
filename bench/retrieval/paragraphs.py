"""Distinct real passages: paragraphs of texts installed on the machine, embedded once.

The paragraphs are those of `bench.vectors.data`: docstrings of the installed Python packages,
manual pages, Markdown and reStructuredText. The questions are the first twelve words of held-out
paragraphs. Embedding a hundred thousand takes a quarter of an hour on two cores; the result is
cached.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np

from bench.vectors.data import default_text_folders, iter_paragraphs
from ragkit.encoders import Encoder

QUESTIONS, WORDS = 600, 12
_STEP = 4_000


def load_paragraphs(
    cache: Path, count: int, encoder: Encoder
) -> tuple[list[str], np.ndarray, list[str]]:
    """Return n texts, their vectors (n, d) and questions; n is `count`, or the number of paragraphs
    if there are fewer."""
    cache_file = cache / f"paragraphs-{count}"
    if not cache_file.with_suffix(".npy").exists():
        cache.mkdir(parents=True, exist_ok=True)
        paragraphs = [text for folder in default_text_folders() for text in iter_paragraphs(folder)]
        random.Random(0).shuffle(paragraphs)
        openings = [" ".join(text.split()[:WORDS]) for text in paragraphs[:QUESTIONS]]
        texts = paragraphs[QUESTIONS : QUESTIONS + count]
        cache_file.with_suffix(".json").write_text(
            json.dumps({"texts": texts, "questions": openings})
        )
        np.save(cache_file.with_suffix(".npy"), _encode(texts, encoder))
    stored = json.loads(cache_file.with_suffix(".json").read_text())
    return stored["texts"], np.load(cache_file.with_suffix(".npy")), stored["questions"]


def _encode(texts: list[str], encoder: Encoder) -> np.ndarray:
    vectors = np.empty((len(texts), encoder.dimension), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    for first in range(0, len(order), _STEP):
        part = order[first : first + _STEP]
        vectors[part] = encoder.encode_passages([texts[number] for number in part])
    return vectors
