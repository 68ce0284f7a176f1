"""A map of a collection: its passages as points of a plane, similar ones near each other.

PCA gives the axes, or UMAP (McInnes et al. 2018) where umap-learn is installed. Points that were
placed before stay where they are: the map is stored in the collection's folder, a new passage is
placed by its ten nearest placed neighbors. Knows no rendering but the picture.
"""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import UnavailableError, UsageError
from ragkit.exploring.passage_vectors import PassageVectors, read_vectors
from ragkit.records.exploring import MapPoint, MapReport
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import documents, overview, passages

METHODS = ("auto", "pca", "umap")
COLORS = ("topic", "folder", "type", "none")
FILE_NAME = "map.json"
_SEED = 7
_NEIGHBORS = 10  # placed passages whose mean place a new one gets
_MIN_UMAP = 16  # passages: UMAP fails for two or three
_MAX_CHANGED = 0.3  # share of new passages from which on the map is made anew
_BLOCK = 128  # new passages that are compared with all placed ones at a time
_MAX_COLORS = 10  # others share one color
_SHOWN = 60  # characters of a title


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """How the map is made. Raises UsageError for a value that is not known."""

    method: str = "auto"
    color: str = "topic"
    rebuild: bool = False

    def __post_init__(self) -> None:
        """Check every value."""
        for name, value, known in (
            ("method", self.method, METHODS),
            ("color", self.color, COLORS),
        ):
            if value not in known:
                raise UsageError(f"{name} is {value!r}; expected one of {', '.join(known)}")


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where the passages of an earlier map are."""

    method: str
    fingerprint: str
    at: Mapping[int, tuple[float, float]]  # passage id → place


def make_map(
    connection: sqlite3.Connection, indexes: IndexReader, folder: Path, options: MapOptions
) -> MapReport:
    """Return the points of all different texts with a vector, by ascending passage id."""
    texts = read_vectors(connection, indexes)
    model = passages.model(connection)
    if texts is None or model is None or not len(texts.ids):
        return MapReport((), "pca", 0, model_fingerprint="")
    method = _method(options.method, len(texts.ids))
    fingerprint = str(model["fingerprint"])
    known = None if options.rebuild else _load(folder, method, fingerprint)
    places, placed = _place(texts, method, known)
    groups = _groups(connection, texts, options.color)
    paths = documents.display_paths(connection, sorted({row[0] for row in groups}))
    points = tuple(
        MapPoint(
            passage_id=id_,
            x=round(float(x), 5),
            y=round(float(y), 5),
            document_id=document_id,
            path=paths.get(document_id, ""),
            group=group,
        )
        for id_, (x, y), (document_id, group) in zip(
            texts.ids.tolist(), places.tolist(), groups, strict=True
        )
    )
    return MapReport(points, method, placed, model_fingerprint=fingerprint)


def save_map(report: MapReport, folder: Path) -> None:
    """Store where the points are, so that they stay there. Raises OSError."""
    from ragkit.storage.atomic_files import new_file

    content = {
        "method": report.method,
        "fingerprint": report.model_fingerprint,
        "points": [[point.passage_id, point.x, point.y] for point in report.points],
    }
    with new_file(folder / FILE_NAME) as file:
        file.write(json.dumps(content).encode())


def _load(folder: Path, method: str, fingerprint: str) -> _Places | None:
    """The stored map; None if there is none, or one of another method or encoder, or a damaged
    one: it can be made again."""
    try:
        content = json.loads((folder / FILE_NAME).read_bytes())
        at = {int(id_): (float(x), float(y)) for id_, x, y in content["points"]}
        stored = _Places(str(content["method"]), str(content["fingerprint"]), at)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    is_finite = all(np.isfinite(place).all() for place in at.values())
    is_same = (stored.method, stored.fingerprint) == (method, fingerprint)
    return stored if is_finite and is_same else None


def _method(requested: str, count: int) -> str:
    is_installed = importlib.util.find_spec("umap") is not None
    if requested == "umap" and not is_installed:
        raise UnavailableError("the method umap needs umap-learn: pip install umap-learn")
    if requested == "pca" or not is_installed or count < _MIN_UMAP:
        return "pca"
    return "umap"


def _place(
    texts: PassageVectors, method: str, known: _Places | None
) -> tuple[NDArray[np.float64], int]:
    """Return the place of each text, (n, 2), and how many stayed where they were."""
    count = len(texts.ids)
    if known is not None:
        old = np.array([id_ in known.at for id_ in texts.ids.tolist()])
        if old.sum() > max(1, (1 - _MAX_CHANGED) * count):
            places = np.zeros((count, 2))
            places[old] = [known.at[id_] for id_ in texts.ids[old].tolist()]
            places[~old] = _near(texts.vectors[~old], texts.vectors[old], places[old])
            return places, int(old.sum())
    if method == "umap":
        return _umap(texts.vectors), 0
    return _pca(texts.vectors), 0


def _near(
    new: NDArray[np.float32], old: NDArray[np.float32], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The places of new vectors: the means of those of their nearest old ones, weighted by cosine.
    They depend neither on the order of the rows nor on each other."""
    found = np.zeros((len(new), 2))
    count = min(_NEIGHBORS, len(old))
    for start in range(0, len(new), _BLOCK):
        cosines = new[start : start + _BLOCK] @ old.T
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        weights = np.clip(np.take_along_axis(cosines, nearest, axis=1), 1e-3, None) ** 8
        weights /= weights.sum(axis=1, keepdims=True)
        found[start : start + _BLOCK] = (weights[:, :, None] * places[nearest]).sum(axis=1)
    return found


def _pca(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The first two principal components, (n, 2). The largest part of each axis is positive, so
    that the picture is not mirrored from run to run."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    products = (vectors.T @ vectors).astype(np.float64)
    _, axes = np.linalg.eigh(products - len(vectors) * np.outer(mean, mean))
    axes = axes[:, ::-1][:, :2]
    if axes.shape[1] < 2:
        axes = np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), range(2)])
    axes = axes * np.where(signs == 0, 1, signs)
    places: NDArray[np.float64] = vectors @ axes.astype(np.float32) - mean @ axes
    return places


def _umap(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    import umap

    reducer = umap.UMAP(
        n_components=2,
        n_neighbors=min(15, len(vectors) - 1),
        metric="cosine",
        random_state=_SEED,
        n_jobs=1,
    )
    return np.asarray(reducer.fit_transform(vectors), dtype=np.float64)


def _groups(
    connection: sqlite3.Connection, texts: PassageVectors, color: str
) -> list[tuple[int, str]]:
    """The document of each text, and what its point is colored by."""
    document_of = passages.documents_of(connection, texts.ids.tolist())
    ids = [document_of[id_] for id_ in texts.ids.tolist()]
    if color == "topic":
        names = overview.topic_names(connection)
        topic_of = overview.topic_of_passages(connection)
        return [
            (document, names.get(topic_of.get(id_, -1), "no topic"))
            for id_, document in zip(texts.ids.tolist(), ids, strict=True)
        ]
    if color == "none":
        return [(document, "") for document in ids]
    groups = {}
    for row in documents.path_rows(connection):
        if row.document_id is not None:
            folder = row.path.rpartition("/")[0].partition("/")[0]
            groups[row.document_id] = folder or "/" if color == "folder" else row.media_type or ""
    return [(document, groups.get(document, "")) for document in ids]


def draw_map(report: MapReport, path: Path) -> None:
    """Write a picture, PNG or SVG by the file's name.

    Raises UsageError for another name or a file that cannot be written, UnavailableError without
    matplotlib.
    """
    check_drawable(path)
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    groups: dict[str, list[tuple[float, float]]] = {}
    for point in report.points:
        groups.setdefault(point.group, []).append((point.x, point.y))
    ordered = sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))
    # Many points are small and drawn as one image, also in an SVG file.
    size = float(np.clip(4_000 / max(1, len(report.points)), 1.5, 30))
    is_many = len(report.points) > 5_000
    for index, (name, places) in enumerate(ordered[:_MAX_COLORS]):
        _scatter(axes, places, size, f"C{index}", f"{_shorten(name)} ({len(places):,})", is_many)
    if rest := [place for _, places in ordered[_MAX_COLORS:] for place in places]:
        label = f"{len(ordered) - _MAX_COLORS:,} others ({len(rest):,})"
        _scatter(axes, rest, size, "0.75", label, is_many)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"{len(report.points):,} passages ({report.method.upper()})", fontsize=10)
    if any(groups):
        figure.legend(loc="outside right upper", fontsize=8, markerscale=(20 / size) ** 0.5)
    try:
        with mpl.rc_context({"svg.hashsalt": "ragkit"}):
            is_svg = path.suffix.lower() == ".svg"
            figure.savefig(path, metadata={"Date": None} if is_svg else {"Software": None})
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _scatter(
    axes: Any,  # noqa: ANN401 (of matplotlib)
    places: list[tuple[float, float]],
    size: float,
    color: str,
    label: str,
    is_many: bool,
) -> None:
    x, y = zip(*places, strict=True)
    options = {"s": size, "color": color, "label": label, "linewidths": 0, "alpha": 0.8}
    axes.scatter(x, y, rasterized=is_many, **options)


def _shorten(name: str) -> str:
    name = name.replace("$", "\\$")  # no mathematics
    return name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"


def check_drawable(path: Path) -> None:
    """Raise UnavailableError without matplotlib, UsageError if `path` is no new PNG or SVG file."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UnavailableError('a picture needs matplotlib: pip install "ragkit-search[explore]"')
    if path.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"{path} is named as neither a PNG nor an SVG file; expected map.png")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder; create it first: mkdir -p {path.parent}")
