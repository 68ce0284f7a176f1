"""report.json, the model card and the curves."""

import json
import struct
from dataclasses import fields, replace

import pytest

from ragkit.learning import report as report_module
from ragkit.learning.pair_file import SkippedLine
from ragkit.learning.report import (
    TrainReport,
    build_model_card,
    draw_curves,
    write_report_json,
)

REPORT = TrainReport(
    output="/home/ada/models/mine",
    base_model="all-MiniLM-L6-v2",
    base_fingerprint="0123456789abcdef" * 4,
    objective="cosine",
    pooling="mean",
    dimension=384,
    shorter_dimensions=(),
    metric="Spearman",
    before=0.5,
    after=0.61237,
    best_step=9,
    steps=12,
    planned_steps=20,
    stopped_early=True,
    train_pairs=1_200,
    dev_pairs=100,
    dev_sentences_in_train=3,
    cut_texts=0,
    classes=(),
    top_score=5.0,
    left_out=(SkippedLine(4, "no score"),),
    dev_left_out=(),
    settings={"epochs": 1, "learning_rate": 2e-5},
    files={"pairs.jsonl": "ab" * 32},
    losses=tuple((step, 1 / step) for step in range(1, 13)),
    evaluations=((0, 0.5), (9, 0.61237), (12, None)),
    seconds=61.5,
    device="cpu",
    versions={"ragkit": "0.1", "torch": "2.0"},
)


def test_report_json_contains_every_field(tmp_path):
    write_report_json(REPORT, tmp_path / "report.json")
    stored = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert list(stored) == [field.name for field in fields(TrainReport)]
    assert stored["left_out"] == [{"line": 4, "reason": "no score"}]
    assert stored["losses"][1] == [2, 0.5]
    assert stored["evaluations"] == [[0, 0.5], [9, 0.61237], [12, None]]


def test_the_card_begins_with_the_metadata_that_the_hub_reads():
    assert build_model_card(REPORT).splitlines()[:5] == [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "---",
        "# mine",
    ]


def test_the_card_states_figures_data_and_settings():
    card = build_model_card(REPORT)
    assert "Dev Spearman: 0.5000 before, 0.6124 after training, on 100 held-out pairs" in card
    assert "| Base model | all-MiniLM-L6-v2 (fingerprint 0123456789abcdef) |" in card
    assert "| Training pairs | 1,200 |" in card
    assert "| Dev pairs | 100, 3 of their sentences also in training |" in card
    assert "| Steps | 12 of 20; kept: 9 |" in card
    assert "| Learning rate | 2e-05 |" in card
    assert f"- pairs.jsonl: sha256 `{'ab' * 32}`" in card
    assert "/home/ada" not in card
    assert "Truncated texts" not in card
    assert "Labels" not in card


def test_the_card_depends_on_neither_time_nor_device():
    later = replace(REPORT, seconds=99.0, device="cuda")
    assert build_model_card(later) == build_model_card(REPORT)


def test_the_card_without_a_dev_set():
    card = build_model_card(replace(REPORT, before=None, after=None, dev_pairs=0))
    assert "not measured on a dev set" in card
    assert "| Dev pairs | none |" in card


def test_the_card_lists_labels_and_truncated_texts():
    card = build_model_card(
        replace(REPORT, objective="softmax", classes=("no", "yes"), cut_texts=1_234)
    )
    assert "| Labels | no, yes |" in card
    assert "| Truncated texts | 1,234 |" in card


@pytest.mark.parametrize("evaluations", [REPORT.evaluations, ()])
def test_the_curves_are_a_png_of_fixed_size(tmp_path, evaluations):
    pytest.importorskip("matplotlib")
    path = tmp_path / "curves.png"
    draw_curves(replace(REPORT, evaluations=evaluations), path)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (960, 540)
    draw_curves(replace(REPORT, evaluations=evaluations), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == data


def test_the_running_mean_worked_by_hand():
    """Ten values: a window of two, the first value alone."""
    values = [float(value) for value in range(10)]
    expected = [0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5]
    assert report_module._running_mean(values) == expected
    assert report_module._running_mean([3.0, 5.0]) == [3, 5]
