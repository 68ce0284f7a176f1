"""The reliability diagram of a calibration as a picture."""

from __future__ import annotations

import importlib.util

from ragkit.errors import UnavailableError, UsageError
from ragkit.models.relevance import RelevanceCalibration


def check_drawable(path: str) -> None:
    """Raise what `draw_reliability` would raise, as far as that is known before the work."""
    from ragkit.evaluation.beir import check_writable

    check_writable(path)
    if importlib.util.find_spec("matplotlib") is None:
        raise UnavailableError('--png needs matplotlib: pip install "ragkit-search[explore]"')


def draw_reliability(calibration: RelevanceCalibration, path: str) -> None:
    """Write a PNG: the share of answers by probability, and how many questions each bin has.

    Raises UnavailableError without matplotlib, UsageError where the file cannot be written.
    """
    check_drawable(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="tab:gray", linestyle=":", label="perfectly calibrated")
    axes.plot(
        [each.probability for each in calibration.bins],
        [each.answered for each in calibration.bins],
        color="tab:blue", marker="o", label="unseen questions",
    )  # fmt: skip
    total = sum(each.count for each in calibration.bins)
    axes.bar(
        [each.low for each in calibration.bins],
        [each.count / total for each in calibration.bins],
        width=0.1, align="edge", color="tab:blue", alpha=0.2, label="share of the questions",
    )  # fmt: skip
    axes.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="probability that the best passage answers",
        ylabel="share whose best passage answers",
        title=f"expected calibration error {calibration.error:.3f}",
    )  # fmt: skip
    axes.legend(loc="upper left")
    try:
        figure.savefig(path, format="png", metadata={"Software": None})
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
