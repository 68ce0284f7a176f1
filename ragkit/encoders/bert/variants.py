"""Where BERT and its relatives store their weights, and in which details they differ.

Contract: `VARIANTS` has a row for each `model_type` of a `config.json` that `model.Bert` computes.
Knows no arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

_ENCODER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention_output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "output_norm": "output.LayerNorm",
}


class Variant(NamedTuple):
    """The names of one kind of model. By default those of BERT."""

    prefix: str
    """Precedes all names in a model that was saved with a head for some task."""
    layer: str = "encoder.layer"
    """Precedes the number of a layer."""
    parts: Mapping[str, str] = _ENCODER
    """Each part of a layer: its name in the file."""
    sizes: Mapping[str, str] = MappingProxyType({})
    """Names of sizes in `config.json` that differ from those of BERT."""
    activation: str = "hidden_act"
    has_types: bool = True
    """Whether there are token types, which tell the two texts of a pair apart."""
    padding_id: int | None = None
    """The padding token's id if positions are counted from after it; `config.json` may name it."""
    relative_bias: str | None = None
    """The tensor with the bias of attention by distance."""

    def padding(self, config: Mapping[str, Any]) -> int | None:
        """Return the padding token's id if positions are counted from after it, else None."""
        if self.padding_id is None:
            return None
        padding = config.get("pad_token_id")
        return padding if isinstance(padding, int) else self.padding_id


_ROBERTA = Variant("roberta.", padding_id=1)

VARIANTS: Mapping[str, Variant] = {
    "bert": Variant("bert."),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": Variant(
        "distilbert.",
        layer="transformer.layer",
        parts={
            "query": "attention.q_lin",
            "key": "attention.k_lin",
            "value": "attention.v_lin",
            "attention_output": "attention.out_lin",
            "attention_norm": "sa_layer_norm",
            "up": "ffn.lin1",
            "down": "ffn.lin2",
            "output_norm": "output_layer_norm",
        },
        sizes={
            "hidden_size": "dim",
            "num_hidden_layers": "n_layers",
            "num_attention_heads": "n_heads",
            "intermediate_size": "hidden_dim",
        },
        activation="activation",
        has_types=False,
    ),
    "mpnet": Variant(
        "mpnet.",
        parts=_ENCODER
        | {
            "query": "attention.attn.q",
            "key": "attention.attn.k",
            "value": "attention.attn.v",
            "attention_output": "attention.attn.o",
            "attention_norm": "attention.LayerNorm",
        },
        has_types=False,
        padding_id=1,
        relative_bias="encoder.relative_attention_bias",
    ),
}
