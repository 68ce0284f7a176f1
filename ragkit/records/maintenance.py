"""Reports about the upkeep of a collection: copies, and what `ragkit doctor` finds.

Frozen dataclasses without I/O. Does not know files, models, databases or the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CopyReport:
    """A copy of a collection that was made: a backup, a restored, exported or imported one."""

    path: str  # the folder that was written
    documents: int
    passages: int
    vectors: int
    bytes: int  # on disk
    seconds: float
    set_aside: str | None = None  # where the collection that was there before is now


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one check of `ragkit doctor`.

    `severity`: "ok"; "warning" for what works but should be put in order; "error" for damage, or
    for what makes the collection unusable.
    """

    name: str  # a stable name of the check: integrity, vectors, index_files, …
    severity: str
    found: str
    expected: str | None = None  # None if it is ok
    remedy: str | None = None  # the command, or what to do; None if nothing is to be done
    repaired: bool = False  # `--repair` has put it in order


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What `ragkit doctor` found. `versions` are those of ragkit and of what it uses."""

    collection: str
    usable: bool  # whether the collection can be opened and read
    diagnoses: tuple[Diagnosis, ...]
    versions: Mapping[str, str]
    actions: tuple[str, ...] = ()  # what `--repair` did
    seconds: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)  # documents, passages, vectors, …

    @property
    def worst(self) -> str:
        """Return the worst severity of what is not repaired: "error", "warning" or "ok"."""
        found = {entry.severity for entry in self.diagnoses if not entry.repaired}
        return next((level for level in ("error", "warning") if level in found), "ok")


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What `ragkit migrate` did. `before` and `after` are measures of dense search by name, on the
    held-out questions made from the collection."""

    old_model: str
    new_model: str
    switched: bool
    embedded: int  # texts; the others had a vector of the new encoder already
    questions: int  # that were measured; 0 if none can be made
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # of the differences
    p_values: Mapping[str, float] = field(default_factory=dict)
    truncated: int = 0  # passages that are longer than the window of the new encoder
    seconds: float = 0.0

    @property
    def is_worse(self) -> bool:
        """Whether nDCG@10 is lower, and the difference is significant (p < .05)."""
        name = "nDCG@10"
        return (
            name in self.after
            and self.after[name] < self.before[name]
            and self.p_values[name] < 0.05
        )


@dataclass(frozen=True, slots=True)
class TuningTrial:
    """Settings that `ragkit tune` tried on the train half of the questions. Values are nDCG@10."""

    changes: Mapping[str, str | int | bool]  # setting → value
    before: float  # of the settings chosen until then
    after: float
    p_value: float  # of the difference, by sign flips
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class EncoderTrial:
    """A fine-tuned encoder that `ragkit tune --train` compared with the collection's.

    Measures are of the held-out half of the questions, with the settings in use.
    """

    triplets: int  # that it was trained on, with those for evaluation
    model: str = ""  # its folder; "" if it is not used
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # of the differences
    p_values: Mapping[str, float] = field(default_factory=dict)
    embedded: int = 0  # texts of the collection

    @property
    def is_better(self) -> bool:
        """Whether it has a higher nDCG@10, and the difference is significant (p < .05)."""
        return _is_gain(self.before, self.after, self.p_values)


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What `ragkit tune` found, and whether it changed the collection.

    Measures are of the held-out half of the questions, of all settings chosen together.
    """

    train_questions: int
    questions: int  # held out
    passages: int  # of the sample that was measured
    trials: tuple[TuningTrial, ...] = ()
    not_tried: tuple[str, ...] = ()  # what, and why
    changes: Mapping[str, str | int | bool] = field(
        default_factory=dict
    )  # chosen on the train half
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # of the differences
    p_values: Mapping[str, float] = field(default_factory=dict)
    applied: bool = False
    encoder: EncoderTrial | None = None  # `--train`; None if too few questions can be made
    undone: bool = False  # `--undo`: the settings before the last tuning count again
    seconds: float = 0.0

    @property
    def is_better(self) -> bool:
        """Whether the chosen settings have a higher nDCG@10 on the held-out half, and the
        difference is significant (p < .05)."""
        return _is_gain(self.before, self.after, self.p_values)


def _is_gain(
    before: Mapping[str, float], after: Mapping[str, float], p_values: Mapping[str, float]
) -> bool:
    name = "nDCG@10"
    return after.get(name, 0.0) > before.get(name, 0.0) and p_values.get(name, 1.0) < 0.05


@dataclass(frozen=True, slots=True)
class DistillReport:
    """A static encoder that `ragkit distill` made. `teacher` and `student` are measures of dense
    search by name, on the held-out questions made from the collection; {} without questions."""

    output: str  # the folder of the static encoder
    teacher_model: str
    dimension: int
    bytes: int  # of the folder
    questions: int
    teacher: Mapping[str, float] = field(default_factory=dict)
    student: Mapping[str, float] = field(default_factory=dict)
    p_values: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    passages_per_second: float = 0.0  # that the static encoder embedded
