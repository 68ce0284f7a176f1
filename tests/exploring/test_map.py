"""Points of a plane: principal components by hand, places that stay, pictures that open."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from PIL import Image

from ragkit import UsageError
from ragkit.errors import UnavailableError
from ragkit.exploring.map import draw_map
from ragkit.storage.sqlite import passages


@pytest.fixture
def filled(collection, folder):
    for number, word in enumerate(("sea", "ship", "sail", "port", "crew", "wave", "deck", "mast")):
        (folder / f"{word}.txt").write_text(f"The {word} of the harbour number {number}.\n")
    collection.index(folder)
    return collection, folder


def places(report):
    return {point.passage_id: (point.x, point.y) for point in report.points}


def test_the_axes_are_the_principal_components(filled, encoder):
    collection, _ = filled
    report = collection.map(method="pca")
    assert (report.method, report.kept, len(report.points)) == ("pca", 0, 12)
    ids = [point.passage_id for point in report.points]
    texts = collection._read(lambda rows: passages.embedded_texts(rows, ids))
    rows = encoder.encode_passages([texts[point.passage_id] for point in report.points])
    centered = rows.astype(np.float64) - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    found = np.array([(point.x, point.y) for point in report.points])
    for axis in (0, 1):
        expected = centered @ axes[axis]
        sign = np.sign(expected @ found[:, axis])
        np.testing.assert_allclose(found[:, axis], sign * expected, atol=1e-3)


def test_umap_gives_the_same_places_twice_and_groups_what_is_alike(collection, folder):
    pytest.importorskip("umap", reason="needs pip install umap-learn")
    for number in range(12):
        for place in ("harbour", "kitchen"):
            (folder / f"{place}{number}.txt").write_text(f"The {place} at hour number {number}.\n")
    collection.index(folder)
    first = collection.map(method="umap", rebuild=True)
    assert places(collection.map(method="umap", rebuild=True)) == places(first)
    assert (first.method, first.kept) == ("umap", 0)
    found = np.array([(point.x, point.y) for point in first.points])
    assert np.isfinite(found).all()
    groups = [found[[word in point.path for point in first.points]] for word in ("harb", "kitch")]
    spread = max(np.linalg.norm(own - own.mean(axis=0), axis=1).mean() for own in groups)
    assert np.linalg.norm(groups[0].mean(axis=0) - groups[1].mean(axis=0)) > spread


def test_points_stay_and_new_ones_are_placed_among_their_neighbors(filled):
    collection, folder = filled
    before = places(collection.map(method="pca"))
    (folder / "new.txt").write_text("The sea of the harbour number 00.\n")
    (folder / "mast.txt").unlink()
    collection.index(folder)
    report = collection.map(method="pca")
    after = places(report)
    assert report.kept == 11
    assert after.items() >= {id_: at for id_, at in before.items() if id_ in after}.items()
    (new,) = [point for point in report.points if point.passage_id not in before]
    distances = {
        point.path: np.hypot(point.x - new.x, point.y - new.y)
        for point in report.points
        if point is not new
    }
    assert distances["sea.txt"] < distances["sub/cats.txt"]
    assert collection.map(method="pca", rebuild=True).kept == 0


def test_a_damaged_map_is_made_again(filled):
    collection, _ = filled
    first = places(collection.map(method="pca"))
    for content in (
        b"",
        b"{}",
        b'{"method": "pca", "fingerprint": "x", "points": [[1, 2]]}',
        b"[" * 100_000,
        b'{"points": [[1e999, 1, 2]]}',
        b'{"points": [[1, 2, 1' + b"0" * 400 + b"]]}",
    ):
        (collection.folder / "map.json").write_bytes(content)
        report = collection.map(method="pca")
        assert (report.kept, places(report)) == (0, first)


@pytest.mark.parametrize(
    ("color", "expected"),
    [("folder", {"/", "sub"}), ("type", {"text/plain", "text/markdown"}), ("none", {""})],
)
def test_points_have_the_group_of_their_document(filled, color, expected):
    collection, _ = filled
    assert {point.group for point in collection.map(color=color, method="pca").points} == expected


def test_points_have_the_topic_of_their_passage(filled):
    collection, _ = filled
    assert {point.group for point in collection.map(method="pca").points} == {"no topic"}
    names = {topic.name for topic in collection.topics(count=2).topics}
    assert {point.group for point in collection.map(method="pca").points} == names


def test_pictures(filled, tmp_path):
    pytest.importorskip("matplotlib")
    collection, _ = filled
    report = collection.map(method="pca", color="folder")
    for name in ("a.png", "b.png", "a.svg", "b.svg"):
        draw_map(report, tmp_path / name)
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (1320, 900)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.svg").read_text().count("<use ") >= 12  # the points
    with pytest.raises(UsageError, match=r"neither a PNG nor an SVG"):
        draw_map(report, tmp_path / "a.gif")
    with pytest.raises(UsageError, match="mkdir -p"):
        draw_map(report, tmp_path / "nowhere" / "a.png")


def test_few_passages_and_wrong_values(collection, tmp_path):
    assert collection.map().points == ()
    (tmp_path / "one.txt").write_text("One.\n")
    collection.index(tmp_path / "one.txt")
    (point,) = collection.map().points
    assert (point.x, point.y) == (0, 0)
    with pytest.raises(UsageError, match="method is 'tsne'"):
        collection.map(method="tsne")
    if importlib.util.find_spec("umap") is None:
        with pytest.raises(UnavailableError, match="pip install umap-learn"):
            collection.map(method="umap")
