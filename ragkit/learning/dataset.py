"""Load the training and dev examples from the user's files.

Contract: `load_dataset` reads the files, chooses the objective, gives every pair its target and
separates the dev set. It reports each decision and each skipped line through `notify` and returns
them for the report. `split_by_sentence` is the random split. Knows no model.

The split is by sentence: in data built by pairing (NLI, STS, questions with several passages) most
sentences occur more than once, and a dev sentence that was trained on makes the dev figure too
high.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ragkit.errors import UsageError
from ragkit.learning import labels
from ragkit.learning.labels import Example, LabelScale
from ragkit.learning.pair_file import PairFile, SkippedLine, read_pair_file

Notify: TypeAlias = Callable[[str], None]

_MAX_SKIPPED_SHARE = 0.05  # of the lines; more suggests that the file is not a file of pairs
_MAX_SKIPPED_SHOWN = 3  # lines in a message
_MIN_PAIRS = 8  # for training, and for evaluation


@dataclass(frozen=True, slots=True)
class PairDataset:
    """The training and dev examples, and how they were obtained."""

    objective: str
    scale: LabelScale
    train: list[Example]
    dev: list[Example]
    skipped: tuple[SkippedLine, ...]  # lines of the training file
    dev_skipped: tuple[SkippedLine, ...]
    shared_sentences: int  # dev sentences that also occur in the training pairs
    files: dict[str, str]  # file name → SHA-256


def load_dataset(
    pairs: Path,
    dev: Path | None,
    dev_share: float,
    seed: int,
    objective: str | None,
    notify: Notify,
) -> PairDataset:
    """Read the file `pairs` and take the dev set from the file `dev`, or else split off a share of
    `dev_share` by sentence. If `objective` is None, the columns of `pairs` determine it.

    Raises UsageError if a file cannot be used, if more than 5 % of its lines are not usable pairs
    or if fewer than 8 pairs remain for training or evaluation.
    """
    file = read_pair_file(pairs)
    objective = labels.choose_objective(file, objective)
    scale = labels.infer_label_scale(file, objective)
    if scale.max_score != 1:
        limit = f"{scale.max_score:g}"
        notify(f"{pairs.name}: scores range from 0 to {limit}; divided by {limit}")
    train_examples, skipped = _build_examples(file, objective, scale, notify)
    files = {pairs.name: file.sha256}
    dev_examples: list[Example] = []
    dev_skipped: tuple[SkippedLine, ...] = ()
    if dev is not None:
        dev_file = read_pair_file(dev)
        dev_examples, dev_skipped = _build_examples(dev_file, objective, scale, notify)
        files[f"{dev.name} (dev)"] = dev_file.sha256
    elif dev_share:
        train_examples, dev_examples = split_by_sentence(train_examples, dev_share, seed)
    _check_size(train_examples, "training")
    if dev is not None or dev_share:
        _check_size(dev_examples, "evaluation")
    shared, dev_sentences = count_shared_sentences(train_examples, dev_examples)
    if shared:
        notify(
            f"{shared:,} of the {dev_sentences:,} dev sentences also occur in the training pairs"
        )
    return PairDataset(
        objective, scale, train_examples, dev_examples, skipped, dev_skipped, shared, files
    )


def _build_examples(
    file: PairFile, objective: str, scale: LabelScale, notify: Notify
) -> tuple[list[Example], tuple[SkippedLine, ...]]:
    examples, without_target = labels.build_examples(file, objective, scale)
    skipped = sorted([*file.skipped, *without_target], key=lambda line: line.line)
    total = len(examples) + len(skipped)
    if skipped:
        message = (
            f"{file.path}: {len(skipped):,} of {total:,} lines skipped: {_format_skipped(skipped)}"
        )
        if len(skipped) > _MAX_SKIPPED_SHARE * total:
            raise UsageError(
                f"{message}. More than {_MAX_SKIPPED_SHARE:.0%}: correct or remove these lines"
            )
        notify(message)
    if file.unused_columns:
        notify(f"{file.path.name}: columns not used: {', '.join(file.unused_columns)}")
    return examples, tuple(skipped)


def _format_skipped(skipped: Sequence[SkippedLine]) -> str:
    parts = [f"line {line.line}: {line.reason}" for line in skipped[:_MAX_SKIPPED_SHOWN]]
    if len(skipped) > _MAX_SKIPPED_SHOWN:
        parts.append(f"and {len(skipped) - _MAX_SKIPPED_SHOWN:,} more")
    return "; ".join(parts)


def _check_size(examples: Sequence[Example], purpose: str) -> None:
    if len(examples) < _MIN_PAIRS:
        raise UsageError(
            f"{len(examples)} pairs remain for {purpose}; expected {_MIN_PAIRS} or more. Add "
            f"pairs, name a dev file with --dev, or train without a dev set with --dev-share 0"
        )


def split_by_sentence(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Return (train, dev), about `share` of the examples in dev, both in the order of `examples`.

    Examples that are connected by common sentences form a group, and groups are drawn as a unit. If
    the groups are too large to fill half of the dev set, single examples are drawn instead.
    """
    size = max(1, round(share * len(examples)))
    groups = _connected_groups(examples)
    random.Random(seed).shuffle(groups)  # noqa: S311 - reproducible, not cryptographic
    drawn: set[int] = set()
    for group in groups:
        if len(drawn) + len(group) <= size:
            drawn.update(group)
    if 2 * len(drawn) < size:
        order = list(range(len(examples)))
        random.Random(seed).shuffle(order)  # noqa: S311 - as above
        drawn = set(order[:size])
    train = [example for i, example in enumerate(examples) if i not in drawn]
    return train, [example for i, example in enumerate(examples) if i in drawn]


def count_shared_sentences(train: Sequence[Example], dev: Sequence[Example]) -> tuple[int, int]:
    """Return (distinct dev sentences that also occur in train, distinct dev sentences). Sentences
    are compared without case."""
    train_sentences = {text for example in train for text in _sentence_keys(example)}
    dev_sentences = {text for example in dev for text in _sentence_keys(example)}
    return len(dev_sentences & train_sentences), len(dev_sentences)


def _sentence_keys(example: Example) -> tuple[str, str]:
    return example.first.casefold(), example.second.casefold()


def _connected_groups(examples: Sequence[Example]) -> list[list[int]]:
    """Group the indices of examples that share sentences, directly or through other examples
    (union-find with path halving)."""
    parent: dict[str, str] = {}

    def find_root(text: str) -> str:
        parent.setdefault(text, text)
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for example in examples:
        first, second = _sentence_keys(example)
        parent[find_root(first)] = find_root(second)
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(find_root(example.first.casefold()), []).append(index)
    return list(groups.values())
