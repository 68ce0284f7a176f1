"""What a training did, as a record, as report.json and as a model card.

Contract: `TrainReport` holds facts only; `card` writes them for the reader of the model's folder,
without dates, so that the same training gives the same card. Knows no torch.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.learning.rows import LeftOut


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A finished training. Figures of the dev set are None where there was none."""

    output: str
    """The model's folder."""
    base_model: str
    base_fingerprint: str
    objective: str
    pooling: str
    dimension: int
    metric: str
    """What the dev figures are: Spearman, accuracy or MRR@10."""
    before: float | None
    after: float | None
    """Of the weights that were kept: the best evaluation's."""
    best_step: int
    steps: int
    """Optimizer steps taken."""
    planned_steps: int
    stopped_early: bool
    train_pairs: int
    dev_pairs: int
    dev_sentences_in_train: int
    cut_texts: int
    """Training texts longer than the model's window, trained on up to it."""
    classes: tuple[str, ...]
    """Labels by number, for the objective softmax."""
    top_score: float
    """The score that meant the same in the file, 1 or 5."""
    left_out: tuple[LeftOut, ...]
    """Lines of the training file that were not used."""
    dev_left_out: tuple[LeftOut, ...]
    settings: dict[str, Any]
    files: dict[str, str]
    """SHA-256 of the training file and the dev file."""
    losses: tuple[tuple[int, float], ...]
    """(step, loss), every step."""
    evaluations: tuple[tuple[int, float | None], ...]
    """(step, dev figure), the start at step 0 included."""
    seconds: float
    """Of training and evaluating, interrupted runs included."""
    device: str
    versions: dict[str, str]


def write_json(report: TrainReport, path: Path) -> None:
    """report.json, every field."""
    content = dataclasses.asdict(report)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


_LOSSES = {
    "cosine": "the cosine of the two vectors against the score, mean squared error",
    "cosent": "pairs in the order of their scores (CoSENT)",
    "softmax": "a linear layer over (u, v, |u − v|) names the label; the layer is not kept",
    "ranking": "each text's partner against all other partners in the batch",
}


def card(report: TrainReport) -> str:
    """README.md of the model's folder."""
    facts = {
        "Base model": f"{report.base_model} (fingerprint {report.base_fingerprint[:16]})",
        "Objective": f"{report.objective}: {_LOSSES[report.objective]}",
        "Pooling": report.pooling,
        "Dimension": report.dimension,
        "Training pairs": f"{report.train_pairs:,}",
        "Dev pairs": _dev(report),
        "Steps": f"{report.steps:,} of {report.planned_steps:,}; kept: {report.best_step}",
        **{name.replace("_", " ").capitalize(): value for name, value in report.settings.items()},
    }
    if report.cut_texts:
        facts["Texts cut at the window"] = f"{report.cut_texts:,}"
    if report.classes:
        facts["Labels"] = ", ".join(report.classes)
    lines = [f"| {name} | {value} |" for name, value in facts.items()]
    files = [f"- {name}: sha256 `{digest}`" for name, digest in report.files.items()]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return "\n".join(
        [
            *("---", "library_name: sentence-transformers", "pipeline_tag: sentence-similarity"),
            *("---", f"# {Path(report.output).name}", ""),
            f"A sentence encoder, fine-tuned from {report.base_model} with `ragkit train`.",
            *("", _result(report), "", "| | |", "|---|---|", *lines, "", "Data:", "", *files, ""),
            f"Made with {versions}. Every figure, and the loss of every step: `report.json`; the",
            *("curves: `curves.png`.", "", "```console"),
            *("$ ragkit index --model THIS_FOLDER DOCUMENTS", "```", ""),
        ]
    )


def _dev(report: TrainReport) -> str:
    if not report.dev_pairs:
        return "none"
    shared = report.dev_sentences_in_train
    return f"{report.dev_pairs:,}, {shared or 'none'} of their sentences also in training"


def _result(report: TrainReport) -> str:
    if report.before is None or report.after is None:
        return "It was not measured on a dev set."
    return (
        f"Dev {report.metric}: {report.before:.4f} before, {report.after:.4f} after training, on "
        f"{report.dev_pairs:,} pairs kept apart; the evaluation with the best figure was kept."
    )
