"""The heat map is a PNG of the tokens' size; wrong names and layers are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ragkit.encoders.inspection.heat_map import draw_heat_map
from ragkit.encoders.resolve import load
from ragkit.errors import UnavailableError, UsageError


def test_a_heat_map_is_drawn_for_any_text(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    encoder = load(str(tiny))
    sizes = []
    for number, text in enumerate(("the key", "the $key$ rotates 日 \x07 " + "every week " * 20)):
        path = tmp_path / f"{number}.png"
        draw_heat_map(encoder.explain(text), path)
        with Image.open(path) as image:
            image.load()
            sizes.append(image.size)
            colours = image.convert("RGB").getcolors(1 << 20)
        assert colours is not None and len(colours) > 20
    assert sizes[0][1] < sizes[1][1]
    assert len({*tmp_path.iterdir()} - {tiny}) == 2


def test_the_same_text_gives_the_same_file(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = load(str(tiny)).explain("the key")
    for name in ("a.png", "b.png"):
        draw_heat_map(found, tmp_path / name, layer=1)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_wrong_names_and_layers_are_refused(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = load(str(tiny)).explain("the key")
    with pytest.raises(UsageError, match=r"not named as a PNG"):
        draw_heat_map(found, tmp_path / "a.jpg")
    with pytest.raises(UsageError, match=r"mkdir -p"):
        draw_heat_map(found, tmp_path / "nowhere" / "a.png")
    with pytest.raises(UsageError, match="layer is 4; expected a number from 1 to 3"):
        draw_heat_map(found, tmp_path / "a.png", 4)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragkit.encoders.inspection.heat_map import check_drawable

    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(UnavailableError, match=r'"ragkit-search\[explore\]"'):
        check_drawable(tmp_path / "a.png")
