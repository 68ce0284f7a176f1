"""The result of a training: a record, report.json, a model card and a picture of the curves.

Contract: `TrainReport` contains facts only. `write_report_json`, `build_model_card` and
`draw_curves` turn it into the files of the model's folder. The card has no date, so the same
training gives the same card. Knows no torch.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.learning.pair_file import SkippedLine

_MAX_SMOOTHING_WINDOW = 20  # steps of the running mean; fewer if there are fewer than 100 steps
_LOSSES = {
    "cosine": "mean squared error between the cosine of the two vectors and the score",
    "cosent": "pairs in the order of their scores (CoSENT)",
    "softmax": "a linear layer over (u, v, |u − v|) predicts the label; the layer is not kept",
    "ranking": "each first text's partner against all other partners in the batch",
}


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A finished training. The field names are those of report.json and `train --json`."""

    output: str  # the model's folder
    base_model: str  # its name; of a folder only the last part of the path
    base_fingerprint: str  # hex SHA-256
    objective: str
    pooling: str
    dimension: int
    shorter_dimensions: tuple[int, ...]  # of the first numbers of a vector that were trained, too
    metric: str  # the measure of the dev figures: Spearman, accuracy or MRR@10
    before: float | None  # dev figure of the base model; None without a dev set or if undefined
    after: float | None  # dev figure of the weights that were kept, the best evaluation
    best_step: int  # the step of these weights
    steps: int  # optimizer steps taken
    planned_steps: int
    stopped_early: bool
    train_pairs: int
    dev_pairs: int
    dev_sentences_in_train: int
    cut_texts: int  # training texts with more tokens than the model reads
    classes: tuple[str, ...]  # labels in the order of their indices; only for softmax
    top_score: float  # the maximum of the file's score scale, 1 or 5
    left_out: tuple[SkippedLine, ...]  # lines of the training file that were not used
    dev_left_out: tuple[SkippedLine, ...]  # lines of the dev file that were not used
    settings: dict[str, Any]  # the hyperparameters
    files: dict[str, str]  # name of the training file and of the dev file → SHA-256
    losses: tuple[tuple[int, float], ...]  # (step, loss) of every step
    evaluations: tuple[tuple[int, float | None], ...]  # (step, dev figure); step 0: base model
    seconds: float  # of training and evaluating, over all interrupted runs
    device: str  # cpu, cuda or mps
    versions: dict[str, str]  # package → version


def write_report_json(report: TrainReport, path: Path) -> None:
    """Write every field of the report as one JSON object."""
    content = dataclasses.asdict(report)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def build_model_card(report: TrainReport) -> str:
    """Return the Markdown text of the model folder's README.md."""
    facts = {
        "Base model": f"{report.base_model} (fingerprint {report.base_fingerprint[:16]})",
        "Objective": f"{report.objective}: {_LOSSES[report.objective]}",
        "Pooling": report.pooling,
        "Dimension": report.dimension,
        **_describe_shorter(report.shorter_dimensions),
        "Training pairs": f"{report.train_pairs:,}",
        "Dev pairs": _describe_dev_set(report),
        "Steps": f"{report.steps:,} of {report.planned_steps:,}; kept: {report.best_step}",
        **{name.replace("_", " ").capitalize(): value for name, value in report.settings.items()},
    }
    if report.cut_texts:
        facts["Truncated texts"] = f"{report.cut_texts:,}"
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
            *("", _describe_result(report), "", "| | |", "|---|---|", *lines, ""),
            *("Data:", "", *files, ""),
            f"Trained with {versions}. All figures and the loss of every step: `report.json`; the",
            *("curves: `curves.png`.", "", "```console"),
            *("$ ragkit index --model THIS_FOLDER DOCUMENTS", "```", ""),
        ]
    )


def _describe_shorter(dimensions: Sequence[int]) -> dict[str, str]:
    if not dimensions:
        return {}
    return {"Also trained (Matryoshka)": f"the first {', '.join(map(str, dimensions))} numbers"}


def _describe_dev_set(report: TrainReport) -> str:
    if not report.dev_pairs:
        return "none"
    shared = report.dev_sentences_in_train
    return f"{report.dev_pairs:,}, {shared or 'none'} of their sentences also in training"


def _describe_result(report: TrainReport) -> str:
    if report.before is None or report.after is None:
        return "Its quality was not measured on a dev set."
    return (
        f"Dev {report.metric}: {report.before:.4f} before, {report.after:.4f} after training, on "
        f"{report.dev_pairs:,} held-out pairs; the weights of the best evaluation were kept."
    )


def draw_curves(report: TrainReport, path: Path) -> None:
    """Write a PNG with the loss of every step, its running mean and the dev figures."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot, which would choose a window system and keep global state.
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    steps = [step for step, _ in report.losses]
    losses = [loss for _, loss in report.losses]
    axes.plot(steps, losses, color="tab:blue", alpha=0.25, linewidth=1)
    axes.plot(steps, _running_mean(losses), color="tab:blue", label="training loss")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    defined = [(step, value) for step, value in report.evaluations if value is not None]
    if defined:
        dev_axes = axes.twinx()
        dev_axes.plot(
            *zip(*defined, strict=True),
            color="tab:orange",
            marker="o",
            label=f"dev {report.metric}",
        )
        dev_axes.axvline(report.best_step, color="tab:orange", linestyle=":", linewidth=1)
        dev_axes.set_ylabel(f"dev {report.metric}")
    figure.legend(loc="outside upper right", ncols=2)
    figure.savefig(path, metadata={"Software": None})


def _running_mean(values: Sequence[float]) -> list[float]:
    """Return for each value the mean of the window that ends with it."""
    width = max(1, min(_MAX_SMOOTHING_WINDOW, len(values) // 5))
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    starts = [max(0, end - width) for end in range(1, len(sums))]
    return [
        (sums[end] - sums[start]) / (end - start)
        for start, end in zip(starts, range(1, len(sums)), strict=True)
    ]
