"""The model that training starts from.

Contract: `load` gives a sentence-transformers model in float32 with the pooling asked for, made
of a folder that ragkit would also serve (no pickle, no code of its own), or raises what the
encoders raise. Knows no data.
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


def describe(name: str) -> ModelFolder:
    """What the model of this name is, without loading it."""
    return model_folder.read(resolve_model.resolve(name).path, name)


def too_long(start: ModelFolder, texts: Iterable[str], prompt: str) -> int:
    """How many of the texts the model cannot read to their end."""
    tokens = ModelTokenizer(start.transformer / "tokenizer.json", start.max_length)
    distinct = list(dict.fromkeys(texts))
    room = tokens.max_text_tokens(prompt)
    return sum(count > room for count in tokens.count_tokens(distinct))


def load(start: ModelFolder, pooling: str | None) -> SentenceTransformer:
    """A SentenceTransformer on the device it chooses. Without a pooling of its own, a folder of
    plain transformers gets the mean; `pooling` replaces whatever is there."""
    if pooling is not None and pooling not in POOLINGS:
        raise UsageError(f"pooling is {pooling!r}; expected one of {', '.join(POOLINGS)}")
    model = torch_engine.load_sentence_transformer(start).float()
    model.max_seq_length = start.max_length
    if start.query_prompt or start.passage_prompt:
        # A family is told by its name, which the trained model no longer has.
        model.prompts = {"query": start.query_prompt, "document": start.passage_prompt}
    if pooling is not None and pooling != start.pooling:
        _set_pooling(model, pooling, start)
    return model


def _set_pooling(model: SentenceTransformer, pooling: str, start: ModelFolder) -> None:
    from sentence_transformers.sentence_transformer.modules import Pooling

    for name, module in model.named_children():
        if isinstance(module, Pooling):
            size = module.embedding_dimension
            if module.pooling_output_dimension != size and len(list(model.children())) > 2:
                break  # what follows expects the several vectors joined
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                setattr(model, name, Pooling(size, pooling_mode=pooling))
            return
    raise ModelError(
        f"{start.path} pools its tokens in a way of its own; leave --pooling away, or start "
        f"from a model of a transformer and a pooling"
    )
