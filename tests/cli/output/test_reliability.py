"""The reliability diagram as a picture."""

import pytest

from ragkit.cli.output.reliability import draw_reliability
from ragkit.errors import UsageError
from ragkit.models.relevance import RelevanceCalibration, ReliabilityBin

BINS = (ReliabilityBin(0.0, 0.1, 3, 0.05, 0.0), ReliabilityBin(0.9, 1.0, 2, 0.95, 0.5))


def test_a_png_is_written_or_the_reason_is_said(tmp_path):
    pytest.importorskip("matplotlib", reason='needs pip install "ragkit-search[explore]"')
    found = RelevanceCalibration("f", 8.0, -4.0, 5, 0.21, BINS)
    draw_reliability(found, str(tmp_path / "diagram.png"))
    assert (tmp_path / "diagram.png").read_bytes().startswith(b"\x89PNG\r\n")
    with pytest.raises(UsageError, match="cannot write"):
        draw_reliability(found, str(tmp_path / "missing" / "diagram.png"))
