"""Make a folder that sentence-transformers saved load in its earlier releases, too.

Contract: `make_portable` rewrites settings that release 6 writes in a form of its own into the form
that all releases from 3 on read: names of modules, pooling, maximum length. The weights and what
the model computes stay the same. Settings that have no such form are left as they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_POOLINGS = {
    "cls": "cls_token",
    "mean": "mean_tokens",
    "max": "max_tokens",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean": "weightedmean_tokens",
    "lasttoken": "lasttoken",
}
_KINDS = {"Transformer", "Pooling", "Normalize", "Dense", "LayerNorm", "StaticEmbedding"}
_PLAIN_TRANSFORMER = {
    "transformer_task": "feature-extraction",
    "modality_config": {
        "text": {"method": "forward", "method_output_name": "last_hidden_state"},
    },
    "module_output_name": "token_embeddings",
}
_MAX_LENGTH = 1_000_000  # larger numbers stand for "no limit"


def make_portable(folder: Path) -> None:
    """Rewrite the settings in a model folder. Raises OSError and ValueError for files that cannot
    be read."""
    path = folder / "modules.json"
    modules = json.loads(path.read_bytes())
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    if not set(kinds) <= _KINDS:
        return
    for kind, module in zip(kinds, modules, strict=True):
        place = folder / module["path"]
        if kind == "Transformer" and not _rewrite_transformer(place):
            return  # what it computes has no name in earlier releases
        if kind == "Pooling":
            _rewrite_pooling(place / "config.json")
        module["type"] = f"sentence_transformers.models.{kind}"
    _write(path, modules)


def _rewrite_transformer(place: Path) -> bool:
    """Write the settings of the transformer in the earlier form; whether they have one."""
    path = place / "sentence_bert_config.json"
    settings = _read(path)
    own = {key: value for key, value in settings.items() if key not in _PLAIN_TRANSFORMER}
    if any(settings[key] != value for key, value in _PLAIN_TRANSFORMER.items() if key in settings):
        return False
    length = own.get("max_seq_length") or _read(place / "tokenizer_config.json").get(
        "model_max_length"
    )
    is_limit = isinstance(length, int) and 0 < length < _MAX_LENGTH
    _write(path, {"do_lower_case": False, **own, "max_seq_length": length if is_limit else None})
    return True


def _rewrite_pooling(path: Path) -> None:
    settings = _read(path)
    mode = settings.pop("pooling_mode", None)
    if mode is not None:
        chosen = [mode] if isinstance(mode, str) else mode
        settings |= {f"pooling_mode_{key}": name in chosen for name, key in _POOLINGS.items()}
    if "embedding_dimension" in settings:
        settings["word_embedding_dimension"] = settings.pop("embedding_dimension")
    _write(path, settings)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_bytes())) if path.is_file() else {}


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
