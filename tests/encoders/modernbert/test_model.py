"""ModernBERT's configs of earlier releases, attention maps, and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.bert.model import Maps
from ragkit.encoders.modernbert.model import ModernBert, Rotation
from ragkit.errors import ModelError
from tests.encoders import random_models
from tests.encoders.random_models import MODERNBERT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modernbert")
    random_models.save(folder, "ModernBertConfig", MODERNBERT)
    return folder


def test_older_configs_mean_the_same(folder: Path) -> None:
    """Before release 5 of transformers every n-th layer was global, and a key named each theta."""
    weights = safetensors_file.map_tensors(folder / "model.safetensors")
    new = random_models.read_config(folder)
    old = {key: new[key] for key in new if key not in ("layer_types", "rope_parameters")}
    old |= {"global_attn_every_n_layers": 3, "global_rope_theta": 160_000.0}
    old |= {"local_rope_theta": 10_000.0, "rope_scaling": None}
    ids = random_models.random_ids([40])
    np.testing.assert_array_equal(
        ModernBert(old, weights).forward(ids), ModernBert(new, weights).forward(ids)
    )


def test_attention_maps_reach_as_far_as_the_layer(folder: Path) -> None:
    weights = safetensors_file.map_tensors(folder / "model.safetensors")
    model = ModernBert(random_models.read_config(folder), weights)
    attention: list[Maps] = []
    list(model.hidden_states(random_models.random_ids([40]), attention))
    distance = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    for layer, (maps,) in enumerate(attention):
        assert maps.shape == (4, 40, 40)
        np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-6)
        far = maps[:, distance > 8]
        assert (far > 0).all() if layer % 3 == 0 else not far.any()


def test_rotation_by_hand() -> None:
    """Position 0 stays; at position 1 the first pair turns by one radian, the second by a tenth."""
    turned = Rotation.of(100.0, 4)(np.array([[[1, 1, 0, 0], [1, 1, 0, 0]]], dtype=np.float32))
    expected = [[1, 1, 0, 0], [np.cos(1), np.cos(0.1), np.sin(1), np.sin(0.1)]]
    np.testing.assert_allclose(turned[0], expected, atol=1e-6)


def test_a_config_that_does_not_fit_is_refused(folder: Path) -> None:
    weights = safetensors_file.map_tensors(folder / "model.safetensors")
    config = random_models.read_config(folder)
    with pytest.raises(ModelError, match="even parts"):
        ModernBert({**config, "num_attention_heads": 64}, weights)
    with pytest.raises(ModelError, match="use sentence-transformers"):
        ModernBert({**config, "hidden_activation": "silu"}, weights)
    del weights["final_norm.weight"]
    with pytest.raises(ModelError, match=r"final_norm\.weight is missing"):
        ModernBert(config, weights)
