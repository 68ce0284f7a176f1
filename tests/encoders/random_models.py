"""Small models with random weights, as transformers saves them, and what transformers computes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIZES: dict[str, Any] = {
    "vocab_size": 200, "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 96, "max_position_embeddings": 130,
}  # fmt: skip
DISTILBERT: dict[str, Any] = {
    "vocab_size": 200, "dim": 64, "n_layers": 3, "n_heads": 4, "hidden_dim": 96,
    "max_position_embeddings": 130,
}  # fmt: skip
MODERNBERT: dict[str, Any] = SIZES | {
    "num_hidden_layers": 4, "max_position_embeddings": 8_192, "local_attention": 16,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2,
}  # fmt: skip


def save(folder: Path, config: str, sizes: dict[str, Any], model: str = "AutoModel") -> Any:
    """Save a model with random weights. `config` and `model` are classes of transformers."""
    torch = pytest.importorskip("torch")
    import transformers

    torch.manual_seed(len(config))
    settings = getattr(transformers, config)(**sizes)
    made = getattr(transformers, model).from_config(settings).eval()
    with torch.no_grad():
        for name, values in made.named_parameters():
            values.normal_(std=0.1)
            if "norm.weight" in name.lower():
                values.add_(1)
    made.save_pretrained(folder)
    return made


def read_config(folder: Path) -> dict[str, Any]:
    """Return the saved config.json."""
    return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))


def random_ids(lengths: Sequence[int], first: int = 3) -> list[list[int]]:
    """Return texts of these lengths, of ids from `first` on."""
    chance = np.random.default_rng(7)
    size = SIZES["vocab_size"]
    return [chance.integers(first, size, length).tolist() for length in lengths]


def hidden_states(model: Any, ids: Sequence[int]) -> list[np.ndarray]:
    """Return all layers of one text as transformers computes them: (n, d) each."""
    import torch

    with torch.no_grad():
        output = model(torch.tensor([list(ids)]), output_hidden_states=True)
    return [states[0].numpy() for states in output.hidden_states]


def assert_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Compare arrays: the largest difference is at most 1e-5 of the largest value."""
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()
