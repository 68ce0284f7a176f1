"""RapidOCR in a process of its own: input, output and failures."""

import os
import textwrap

import pytest

from ragkit.documents.ocr import OcrLimits, OcrText, PageImage
from ragkit.documents.sandbox.rapidocr import RapidOcrEngine, join_boxes

PAGE = PageImage(3, 2, bytes((0, 50, 100, 150, 200, 255)), 150)


@pytest.fixture
def install_rapidocr(tmp_path, monkeypatch):
    """Return a function that installs a package in place of rapidocr."""

    def install(behave, **limits):
        (tmp_path / "rapidocr-9.9.dist-info").mkdir()
        (tmp_path / "rapidocr-9.9.dist-info" / "METADATA").write_text(
            "Name: rapidocr\nVersion: 9.9"
        )
        (tmp_path / "rapidocr.py").write_text(
            "import numpy, os, time\nfrom types import SimpleNamespace as Found\n"
            "class RapidOCR:\n    def __init__(self, params): print('noise')\n"
            "    def __call__(self, image):\n" + textwrap.indent(behave, "        ")
        )
        monkeypatch.syspath_prepend(tmp_path)
        return RapidOcrEngine(OcrLimits(**limits))

    return install


def test_rapidocr_answers_from_a_process_that_keeps_running(install_rapidocr):
    engine = install_rapidocr(
        "boxes = numpy.array([[[0, 0], [9, 0], [9, 9], [0, 9]]])\n"
        "seen = f'{image.shape} {image[1, 0].tolist()} {os.getpid()}'\n"
        "return Found(txts=(seen,), scores=(0.5,), boxes=boxes)"
    )
    try:
        first, second = engine.recognise(PAGE), engine.recognise(PAGE)
    finally:
        engine.stop()
    assert (engine.name, first.confidence, first) == ("rapidocr 9.9", 50.0, second)
    assert first.text.startswith("(2, 3, 3) [150, 150, 150] ")
    assert not first.text.endswith(f" {os.getpid()}")


@pytest.mark.parametrize(
    ("behave", "seconds", "reason"),
    [
        ("os._exit(7)", 60.0, "rapidocr died (exit code 7)"),
        ("time.sleep(600)", 1.0, "took longer than 1 s"),
    ],
)
def test_a_failure_of_rapidocr_affects_only_its_page(
    install_rapidocr, monkeypatch, behave, seconds, reason
):
    # The first page waits for both: enough where the process has to start and then to answer.
    start = 60.0 if seconds > 1 else 0.0
    monkeypatch.setattr("ragkit.documents.sandbox.rapidocr._START_SECONDS", start)
    engine = install_rapidocr(behave, seconds=seconds)
    assert engine.recognise(PAGE) == OcrText(reason=reason)
    engine.stop()


def test_an_image_without_words_has_no_text(install_rapidocr):
    engine = install_rapidocr("return Found(txts=None, scores=None, boxes=None)")
    assert engine.recognise(PAGE) == OcrText()
    engine.stop()


def test_boxes_side_by_side_are_one_line():
    boxes = [(100, 12, 190, 31), (0, 10, 90, 30), (0, 35, 90, 55), (0, 100, 90, 120)]
    assert (
        join_boxes(boxes, ["tea", "Green", "steeps.", "Coffee"]) == "Green tea\nsteeps.\n\nCoffee"
    )
