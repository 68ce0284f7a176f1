"""A dev set kept apart from the training set.

Contract: examples in, two lists out, by seed; no sentence of the one stands in the other unless
the examples hang together so much that none can be split off. Knows nothing but pairs of strings.

Why by sentence: a sentence seen in training is no fair question about sentences never seen, and
in data made by pairing (NLI, STS, questions with several passages) most sentences come twice.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from ragkit.learning.labels import Example


def split(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """(train, dev): about `share` of the examples in dev, each side in its old order.

    Examples that share a sentence, directly or over others, form a group; whole groups are drawn.
    Where the groups left too large to draw are most of the data, single examples are drawn."""
    wanted = max(1, round(share * len(examples)))
    groups = _groups(examples)
    random.Random(seed).shuffle(groups)  # noqa: S311 - a draw to be repeated, not a secret
    drawn: set[int] = set()
    for group in groups:
        if len(drawn) + len(group) <= wanted:
            drawn.update(group)
    if 2 * len(drawn) < wanted:
        order = list(range(len(examples)))
        random.Random(seed).shuffle(order)  # noqa: S311
        drawn = set(order[:wanted])
    train = [example for i, example in enumerate(examples) if i not in drawn]
    return train, [example for i, example in enumerate(examples) if i in drawn]


def shared_sentences(train: Sequence[Example], dev: Sequence[Example]) -> tuple[int, int]:
    """(sentences of dev that also stand in train, sentences of dev)."""
    seen = {text for example in train for text in _sentences(example)}
    asked = {text for example in dev for text in _sentences(example)}
    return len(asked & seen), len(asked)


def _sentences(example: Example) -> tuple[str, str]:
    return example.first.casefold(), example.second.casefold()


def _groups(examples: Sequence[Example]) -> list[list[int]]:
    """Indexes of examples by connected sentences (union-find with path halving)."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        parent.setdefault(text, text)
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for example in examples:
        first, second = _sentences(example)
        parent[root(first)] = root(second)
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(root(example.first.casefold()), []).append(index)
    return list(groups.values())
