"""Training on STS-B improves a model whose upper layers were removed."""

import json
import random
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ragkit import learning
from ragkit.encoders import resolve as resolve_model
from tests.conftest import REAL_MODEL, SHARED

STSB = SHARED / "data/stsb"
KEPT_LAYERS = 2  # of six

pytestmark = [
    *REAL_MODEL,
    pytest.mark.skipif(not STSB.is_dir(), reason="STS-B is not available"),
]


@pytest.fixture
def weak_model(tmp_path):
    """The folder of the default model without its upper layers."""
    source = resolve_model.resolve(resolve_model.DEFAULT_MODEL).path
    folder = tmp_path / "weak"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(source / name, folder)
    config = json.loads((source / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": KEPT_LAYERS}))
    kept = {
        name: value
        for name, value in load_file(source / "model.safetensors").items()
        if not name.startswith("encoder.layer.") or int(name.split(".")[2]) < KEPT_LAYERS
    }
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def sample_lines(path, count, tmp_path):
    lines = path.read_text().splitlines(keepends=True)
    target = tmp_path / path.name
    target.write_text("".join(random.Random(0).sample(lines, count)))
    return target


def test_dev_spearman_rises_by_five_points_in_one_epoch(weak_model, tmp_path):
    """The dev figures are computed with scipy and ragkit's own engine, and the report agrees."""
    from scipy.stats import spearmanr

    dev = sample_lines(STSB / "dev.jsonl", 400, tmp_path)
    report = learning.train(
        sample_lines(STSB / "train.jsonl", 800, tmp_path),
        tmp_path / "out",
        model=str(weak_model),
        dev=dev,
        learning_rate=5e-5,
        evaluations=2,
    )
    rows = [json.loads(line) for line in dev.read_text().splitlines()]
    figures = []
    for name in (str(weak_model), report.output):
        encoder = resolve_model.load(name)
        first = encoder.encode_passages([row["sentence1"] for row in rows])
        second = encoder.encode_passages([row["sentence2"] for row in rows])
        cosines = np.sum(first * second, axis=1)
        figures.append(spearmanr(cosines, [row["score"] for row in rows]).statistic)
    assert figures[1] >= figures[0] + 0.05
    assert [report.before, report.after] == pytest.approx(figures, abs=1e-4)
