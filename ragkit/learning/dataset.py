"""From the files a user names to the examples of training and of dev.

Contract: `gather` reads, chooses the objective, gives every pair its target and keeps dev apart;
whatever it decides or leaves out it says through `notify`, and hands back for the report. Knows
no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.learning import labels, rows, splits
from ragkit.learning.labels import Example, Meaning
from ragkit.learning.rows import LeftOut, Rows

Notify = Callable[[str], None]

_MOST_LEFT_OUT = 0.05  # share of lines; beyond it the file is not what it seems to be
_SHOWN = 3
_FEWEST = 8  # pairs to train on, or to measure by


@dataclass(frozen=True, slots=True)
class Data:
    """What is to be learned."""

    objective: str
    meaning: Meaning
    train: list[Example]
    dev: list[Example]
    left_out: tuple[LeftOut, ...]
    dev_left_out: tuple[LeftOut, ...]
    shared_sentences: int
    """Sentences of dev that also stand in the training pairs."""
    files: dict[str, str]
    """Name → SHA-256."""


def gather(
    pairs: Path,
    dev: Path | None,
    dev_share: float,
    seed: int,
    objective: str | None,
    notify: Notify,
) -> Data:
    """Everything training needs of the files. Raises `UsageError` where too many lines are no
    pairs, or too few pairs are left."""
    found = rows.read(pairs)
    chosen = labels.choose(found, objective)
    read = labels.meaning(found, chosen)
    if read.top != 1:
        notify(f"{pairs.name}: scores run from 0 to {read.top:g}; divided by {read.top:g}")
    train, left_out = _examples(found, chosen, read, notify)
    dev_left_out: tuple[LeftOut, ...] = ()
    files = {pairs.name: found.sha256}
    held: list[Example] = []
    if dev is not None:
        dev_rows = rows.read(dev)
        held, dev_left_out = _examples(dev_rows, chosen, read, notify)
        files[f"{dev.name} (dev)"] = dev_rows.sha256
    elif dev_share:
        train, held = splits.split(train, dev_share, seed)
    for name, examples in (("train on", train), ("measure by", held)):
        if len(examples) < _FEWEST and (name == "train on" or dev or dev_share):
            raise UsageError(
                f"{len(examples)} pairs are left to {name}; expected {_FEWEST} or more. Name more "
                f"pairs, a dev file with --dev, or none with --dev-share 0"
            )
    shared, all_of_dev = splits.shared_sentences(train, held)
    if shared:
        notify(f"{shared:,} of the {all_of_dev:,} dev sentences are also trained on")
    return Data(chosen, read, train, held, left_out, dev_left_out, shared, files)


def _examples(
    found: Rows, objective: str, meaning: Meaning, notify: Notify
) -> tuple[list[Example], tuple[LeftOut, ...]]:
    examples, without = labels.examples(found, objective, meaning)
    left_out = sorted([*found.left_out, *without], key=lambda each: each.line)
    total = len(examples) + len(left_out)
    if left_out:
        told = f"{found.path}: {len(left_out):,} of {total:,} lines left out: {_shown(left_out)}"
        if len(left_out) > _MOST_LEFT_OUT * total:
            raise UsageError(f"{told}. More than {_MOST_LEFT_OUT:.0%}: mend or remove them first")
        notify(told)
    if found.unused:
        notify(f"{found.path.name}: columns not used: {', '.join(found.unused)}")
    return examples, tuple(left_out)


def _shown(left_out: Sequence[LeftOut]) -> str:
    shown = [f"line {each.line}: {each.reason}" for each in left_out[:_SHOWN]]
    if len(left_out) > _SHOWN:
        shown.append(f"and {len(left_out) - _SHOWN:,} more")
    return "; ".join(shown)
