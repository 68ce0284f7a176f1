"""The model that training starts from.

Contract: `read_base_model` parses a model folder, `load_base_model` loads it as a
SentenceTransformer in float32 with the requested pooling. Only models that ragkit can also serve
are accepted: safetensors weights, no code in the folder. Knows no data.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ragkit.encoders import model_folder
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.engines import torch_engine
from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.pooling import POOLINGS
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError, UsageError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def read_base_model(name: str) -> ModelFolder:
    """Parse the model `name` (a folder, an installed model or a name on the hub) without loading
    its weights. Raises ModelError."""
    return model_folder.read(resolve_model.resolve(name).path, name)


def count_truncated(base: ModelFolder, texts: Iterable[str], prompt: str) -> int:
    """Count the distinct texts that, with `prompt`, have more tokens than the model reads."""
    tokenizer = ModelTokenizer(base.transformer / "tokenizer.json", base.max_length)
    distinct = list(dict.fromkeys(texts))
    max_tokens = tokenizer.max_text_tokens(prompt)
    return sum(count > max_tokens for count in tokenizer.count_tokens(distinct))


def load_base_model(base: ModelFolder, pooling: str | None) -> SentenceTransformer:
    """Load the model on the device that torch chooses. `pooling` (cls, mean or max) replaces the
    model's own; None keeps it, and a folder of plain transformers gets mean pooling.

    Raises UsageError for an unknown pooling and ModelError if the model cannot be loaded or its
    pooling cannot be replaced.
    """
    if pooling is not None and pooling not in POOLINGS:
        raise UsageError(f"pooling is {pooling!r}; expected one of {', '.join(POOLINGS)}")
    model = torch_engine.load_sentence_transformer(base).float()
    model.max_seq_length = base.max_length
    if base.query_prompt or base.passage_prompt:
        # ragkit knows the prompts of a family by the folder's name, which training changes.
        model.prompts = {"query": base.query_prompt, "document": base.passage_prompt}
    if pooling is not None and pooling != base.pooling:
        _replace_pooling(model, pooling, base)
    return model


def _replace_pooling(model: SentenceTransformer, pooling: str, base: ModelFolder) -> None:
    from sentence_transformers.sentence_transformer.modules import Pooling

    for name, module in model.named_children():
        if isinstance(module, Pooling):
            dimension = module.embedding_dimension
            has_further_layers = len(list(model.children())) > 2
            if module.pooling_output_dimension != dimension and has_further_layers:
                break  # a further layer expects the concatenation of several poolings
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                setattr(model, name, Pooling(dimension, pooling_mode=pooling))
            return
    raise ModelError(
        f"the pooling of {base.path} cannot be replaced; omit --pooling, or start from a model "
        f"that consists of a transformer and one pooling"
    )
