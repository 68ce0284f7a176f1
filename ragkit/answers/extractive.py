"""An answer of the sources' own sentences: those nearest to the question, each cited.

first version
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragkit.answer_records import Citation
from ragkit.answers import Lens
from ragkit.answers.citations import citation
from ragkit.answers.sentences import sentences
from ragkit.records import Hit

MOST = 5


def extracted(lens: Lens, hits: Sequence[Hit]) -> list[tuple[str, Citation]]:
    """(what is said, its citation) in the order of the answer."""
    found = [(hit, each) for hit in hits for each in sentences(hit.text)]
    if not found:
        return []
    scores = lens.encode([hit.text[s.start : s.end] for hit, s in found]) @ lens.vector
    best = sorted(np.argsort(-scores, kind="stable")[:MOST].tolist())
    return [
        (
            found[at][0].text[found[at][1].start : found[at][1].end],
            citation(n, found[at][0], found[at][1].start, found[at][1].end),
        )
        for n, at in enumerate(best, start=1)
    ]
