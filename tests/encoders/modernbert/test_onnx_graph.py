"""The graph in int8, and the sizes that `test_architectures` does not compare."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ragkit.encoders import architectures
from ragkit.encoders.bert import safetensors_file
from tests.encoders import random_models
from tests.encoders.random_models import MODERNBERT


def test_int8_is_near_the_forward_pass(tmp_path: Path) -> None:
    random_models.save(tmp_path, "ModernBertConfig", MODERNBERT)
    weights = safetensors_file.map_tensors(tmp_path / "model.safetensors")
    model = architectures.read(random_models.read_config(tmp_path), weights)
    ids = random_models.random_ids([60, 12])
    ours, exact = architectures.build_forward(model, "int8")(ids), model.forward(ids)
    cosines = (ours * exact).sum(axis=1) / np.linalg.norm(ours, axis=1)
    cosines /= np.linalg.norm(exact, axis=1)
    assert cosines.mean() > 0.98
    assert not np.allclose(ours, exact, atol=1e-4)
