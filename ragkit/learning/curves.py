"""The curves of a training as a picture. Knows only the report's figures."""

from __future__ import annotations

from pathlib import Path

from ragkit.learning.report import TrainReport

_SMOOTHED = 20  # steps of the running mean, fewer where there are few


def draw(report: TrainReport, path: Path) -> None:
    """A PNG: loss by step, pale, its running mean over it, and the dev figure beside."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # A figure of its own: pyplot would choose a window system and keep global state.
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    steps = [step for step, _ in report.losses]
    losses = [loss for _, loss in report.losses]
    axes.plot(steps, losses, color="tab:blue", alpha=0.25, linewidth=1)
    axes.plot(steps, _running_mean(losses), color="tab:blue", label="training loss")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    measured = [(step, value) for step, value in report.evaluations if value is not None]
    if measured:
        other = axes.twinx()
        other.plot(
            *zip(*measured, strict=True),
            color="tab:orange",
            marker="o",
            label=f"dev {report.metric}",
        )
        other.axvline(report.best_step, color="tab:orange", linestyle=":", linewidth=1)
        other.set_ylabel(f"dev {report.metric}")
    figure.legend(loc="outside upper right", ncols=2)
    figure.savefig(path, metadata={"Software": None})


def _running_mean(values: list[float]) -> list[float]:
    width = max(1, min(_SMOOTHED, len(values) // 5))
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    starts = [max(0, i + 1 - width) for i in range(len(values))]
    return [(sums[i + 1] - sums[s]) / (i + 1 - s) for i, s in enumerate(starts)]
