"""Where a folder's `tokenizer.json` disagrees with the tokenizer class that it names.

Contract: `find_disagreement` compares the settings of BERT's classes with the file. transformers
from release 5 on takes only the vocabulary from the file of such a class, and builds the
normalization from `tokenizer_config.json`; earlier releases, and ragkit, do what the file says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_BERT_CLASSES = {
    f"{name}Tokenizer{fast}" for name in ("Bert", "DistilBert", "MPNet") for fast in ("", "Fast")
}
# How `tokenizer_config.json` calls the settings of BertNormalizer, and their default values.
_SETTINGS = {
    "lowercase": ("do_lower_case", True),
    "strip_accents": ("strip_accents", None),
    "handle_chinese_chars": ("tokenize_chinese_chars", True),
}


def find_disagreement(folder: Path) -> str | None:
    """Return the warning that other programs may tokenize texts for this model differently; None
    if nothing is known of it."""
    config = _read(folder / "tokenizer_config.json")
    if config.get("tokenizer_class") not in _BERT_CLASSES:
        return None
    content = _read(folder / "tokenizer.json")
    normalizer = content.get("normalizer") or {}
    differences = []
    if normalizer.get("type") != "BertNormalizer":
        differences.append(f"its normalizer is {normalizer.get('type')}")
    else:
        for key, (name, default) in _SETTINGS.items():
            theirs, ours = config.get(name, default), normalizer.get(key)
            if theirs != ours:
                differences.append(f"its {key} is {ours}, {name} is {theirs}")
    if (kind := (content.get("pre_tokenizer") or {}).get("type")) != "BertPreTokenizer":
        differences.append(f"its pre_tokenizer is {kind}")
    if not content or not differences:
        return None
    return (
        f"tokenizer.json and {config['tokenizer_class']} disagree ({'; '.join(differences)}). "
        "ragkit follows tokenizer.json; transformers 5 follows the class and may compute other "
        "vectors"
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
