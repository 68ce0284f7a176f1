"""Real passages, no two alike: paragraphs of the texts that this machine has, embedded once.

Docstrings of the installed Python packages, manual pages, Markdown and reStructuredText, as
`vectorsdata` finds them. The questions are the first twelve words of paragraphs held out. A
hundred thousand take a quarter of an hour on two cores; they are kept for the next time.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np

from bench.vectors.data import folders, paragraphs
from ragkit.encoders import Encoder

QUESTIONS, WORDS = 600, 12
_STEP = 4_000


def embedded(cache: Path, count: int, encoder: Encoder) -> tuple[list[str], np.ndarray, list[str]]:
    """Texts (n), their vectors (n, d) and questions; n is `count`, or fewer where there are no
    more."""
    kept = cache / f"paragraphs-{count}"
    if not kept.with_suffix(".npy").exists():
        cache.mkdir(parents=True, exist_ok=True)
        found = [each for folder in folders() for each in paragraphs(folder)]
        random.Random(0).shuffle(found)
        asked = [" ".join(each.split()[:WORDS]) for each in found[:QUESTIONS]]
        texts = found[QUESTIONS : QUESTIONS + count]
        kept.with_suffix(".json").write_text(json.dumps({"texts": texts, "questions": asked}))
        np.save(kept.with_suffix(".npy"), _vectors(texts, encoder))
    held = json.loads(kept.with_suffix(".json").read_text())
    return held["texts"], np.load(kept.with_suffix(".npy")), held["questions"]


def _vectors(texts: list[str], encoder: Encoder) -> np.ndarray:
    made = np.empty((len(texts), encoder.dimension), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda each: len(texts[each]))
    for first in range(0, len(order), _STEP):
        part = order[first : first + _STEP]
        made[part] = encoder.encode_passages([texts[each] for each in part])
    return made
