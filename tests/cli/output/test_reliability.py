"""The reliability diagram as a picture."""

import importlib.util

import pytest

from ragkit.cli.output.reliability import check_drawable, draw_reliability
from ragkit.errors import UnavailableError, UsageError
from ragkit.models.relevance import RelevanceCalibration, ReliabilityBin

BINS = (ReliabilityBin(0.0, 0.1, 3, 0.05, 0.0), ReliabilityBin(0.9, 1.0, 2, 0.95, 0.5))


def test_a_png_is_written_or_the_reason_is_said(tmp_path):
    pytest.importorskip("matplotlib", reason='needs pip install "ragkit-search[explore]"')
    found = RelevanceCalibration("f", 8.0, -4.0, 5, 0.21, BINS)
    draw_reliability(found, str(tmp_path / "diagram.png"))
    assert (tmp_path / "diagram.png").read_bytes().startswith(b"\x89PNG\r\n")
    with pytest.raises(UsageError, match="cannot write"):
        draw_reliability(found, str(tmp_path / "missing" / "diagram.png"))


def test_a_missing_package_is_said_before_the_work(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    with pytest.raises(UnavailableError, match=r"ragkit-search\[explore\]"):
        check_drawable(str(tmp_path / "diagram.png"))
