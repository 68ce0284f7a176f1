"""A picture of an explanation: attention rollout as a heat map, and its growth by layer.

Contract: a `TextExplanation` in, a PNG file out. Draws with matplotlib, without its global state.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.encoders.inspection.explanation import TextExplanation
from ragkit.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELL = 0.34  # inches of a token's row and column
_MIN_INCHES, _MAX_INCHES = 4.0, 24.0
_MAX_NUMBERED = 16  # tokens up to which each cell has its number
_MAX_LABEL = 18  # characters of a token


def check_drawable(path: Path) -> None:
    """Raise UnavailableError without matplotlib, UsageError if `path` cannot be a new PNG file."""
    try:
        import matplotlib as _  # noqa: F401
    except ModuleNotFoundError:
        raise UnavailableError(
            'a picture needs matplotlib: pip install "ragkit-search[explore]"'
        ) from None
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path} is not named as a PNG file; expected a name such as heat-map.png")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder; create it first: mkdir -p {path.parent}")


def draw_heat_map(explanation: TextExplanation, path: Path, layer: int | None = None) -> None:
    """Write a PNG: which tokens flow into which after `layer` (1 … L; default: the last), and which
    share of each token comes from the others after every layer.

    Raises UsageError for a layer that the model does not have or a file that cannot be written,
    UnavailableError without matplotlib.
    """
    check_drawable(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layers, count = explanation.rollout.shape[:2]
    layer = layers if layer is None else layer
    if not 1 <= layer <= layers:
        raise UsageError(f"layer is {layer}; expected a number from 1 to {layers}")
    inches = min(max(_CELL * count + 1.6, _MIN_INCHES), _MAX_INCHES)
    aside = max(1.6, 0.3 * layers)
    figure = Figure(figsize=(inches + aside + 1.2, inches + 0.9), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    main, growth = figure.subplots(1, 2, width_ratios=[inches, aside])
    size = max(3.0, min(9.0, 72 * inches / (1.6 * count)))
    labels = [_label(token) for token in explanation.tokens]
    rollout = explanation.rollout[layer - 1]
    others = ~np.eye(count, dtype=bool)
    others[:, explanation.spans[:, 1] == explanation.spans[:, 0]] = False
    # The colours are for the words: [CLS] and [SEP] have most of the attention in many models.
    top = float(rollout[others].max(initial=0)) or 1.0
    _draw(main, rollout, labels, labels, size, top)
    main.tick_params(axis="x", labelrotation=90)
    main.set_title(f"Attention rollout after layer {layer} of {layers}", fontsize=10)
    main.set_xlabel("flows from", fontsize=9)
    main.set_ylabel("into", fontsize=9)
    numbers = [str(number) for number in range(1, layers + 1)]
    image = _draw(growth, explanation.from_others.T, numbers, labels, size, 1.0)
    growth.set_title("From other tokens", fontsize=10)
    growth.set_xlabel("after layer", fontsize=9)
    figure.colorbar(image, ax=growth, shrink=0.6, format="{x:.0%}")
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    try:
        with warnings.catch_warnings():  # a character that the font lacks is drawn as a box
            warnings.simplefilter("ignore")
            logger.setLevel(logging.ERROR)
            figure.savefig(path, metadata={"Software": None})
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        logger.setLevel(level)


def _draw(
    axes: Axes,
    values: Any,  # noqa: ANN401 (an array)
    columns: list[str],
    rows: list[str],
    size: float,
    top: float,
) -> Any:  # noqa: ANN401 (an image of matplotlib)
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=top, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, fontsize=size, parse_math=False)
    axes.set_yticks(range(len(rows)), rows, fontsize=size, parse_math=False)
    axes.tick_params(length=0)
    if len(rows) <= _MAX_NUMBERED:
        for (row, column), value in np.ndenumerate(values):
            color = "white" if value > 0.6 * top else "black"
            axes.text(
                column, row, f"{100 * value:.0f}", ha="center", va="center", color=color, fontsize=7
            )
    return image


def _label(token: str) -> str:
    shown = "".join(c if c.isprintable() else "\ufffd" for c in token)
    return shown if len(shown) <= _MAX_LABEL else shown[: _MAX_LABEL - 1] + "…"
