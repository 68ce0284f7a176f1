"""Cross-encoders of each architecture against transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.encoders import architectures, classification_heads
from ragkit.encoders.bert import safetensors_file
from ragkit.errors import ModelError
from tests.encoders import random_models
from tests.encoders.random_models import DISTILBERT, MODERNBERT, SIZES, assert_close

CASES = [
    ("BertConfig", SIZES),
    ("XLMRobertaConfig", SIZES | {"type_vocab_size": 1}),
    ("DistilBertConfig", DISTILBERT),
    ("MPNetConfig", SIZES),
    ("ModernBertConfig", MODERNBERT),
    ("ModernBertConfig", MODERNBERT | {"classifier_pooling": "mean", "norm_bias": True}),
]


@pytest.mark.parametrize(("config", "sizes"), CASES)
def test_logits_equal_transformers(tmp_path: Path, config: str, sizes: dict[str, Any]) -> None:
    import torch

    sizes = sizes | {"num_labels": 1}
    theirs = random_models.save(tmp_path, config, sizes, "AutoModelForSequenceClassification")
    settings = random_models.read_config(tmp_path)
    weights = safetensors_file.map_tensors(tmp_path / "model.safetensors")
    model = architectures.read(settings, weights)
    head = classification_heads.read(settings, weights)
    forward = architectures.build_forward(model, pairs=True)
    sequences = random_models.random_ids([40, 12])
    types = [[0] * 10 + [1] * 30, [0] * 5 + [1] * 7]
    expected = []
    for ids, kinds in zip(sequences, types, strict=True):
        more = {"token_type_ids": torch.tensor([kinds])} if config == "BertConfig" else {}
        with torch.no_grad():
            expected.append(theirs(input_ids=torch.tensor([ids]), **more).logits[0].numpy())
    for compute in (model.forward, forward):
        assert_close(head(compute(sequences, types), [40, 12])[:, None], np.array(expected))


def test_an_unknown_pooling_of_modernbert_is_refused() -> None:
    config = {"model_type": "modernbert", "hidden_size": 4, "classifier_pooling": "max"}
    with pytest.raises(ModelError, match="classifier_pooling is 'max'"):
        classification_heads.read(config, {})
