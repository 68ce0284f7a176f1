"""Write the tables that SentencePiece compiles, and tokenizers of the Unigram kind."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPLACEMENTS = {
    "ª": "a", "º": "o", "™": "TM", "ﬁ": "fi", "Ａ": "A", "１": "1", "½": "1⁄2", "…": "...",
    "\t": " ", "\n": " ", "\r": " ", "\xa0": " ", "\u3000": " ", "\u200d": "", "\x07": "",
    "e\u0301": "é", "a\u0308": "ä", "ا\u0653": "آ", "\u0344": "\u0308\u0301", "か\u3099": "が",
}  # fmt: skip


def compile_charsmap(replacements: Mapping[str, str] = REPLACEMENTS) -> bytes:
    """Return the table in the form of darts-clone, with 256 units for each node."""
    texts = bytearray()
    children: list[dict[int, int]] = [{}]  # of each node: the node behind each byte
    values: dict[int, int] = {}
    for key, replacement in replacements.items():
        node = 0
        for byte in key.encode():
            if byte not in children[node]:
                children[node][byte] = len(children)
                children.append({})
            node = children[node][byte]
        values[node] = len(texts)
        texts += replacement.encode() + b"\0"
    units = [0] * (256 * (len(children) + 1))
    units[0] = _offset(256)
    for node, behind in enumerate(children):
        base = 256 * (node + 1)
        if node in values:
            units[base] = values[node] | 1 << 31
        for byte, child in behind.items():
            offset = (base ^ byte) ^ 256 * (child + 1)
            units[base ^ byte] = _offset(offset) | (child in values) << 8 | byte
    trie = b"".join(unit.to_bytes(4, "little") for unit in units)
    return len(trie).to_bytes(4, "little") + trie + bytes(texts)


def _offset(offset: int) -> int:
    return offset << 10


VOCABULARY = {
    "<s>": 0.0, "<pad>": 0.0, "</s>": 0.0, "<unk>": 0.0, "▁": -2.5, "▁the": -3.1, "▁key": -6.25,
    "s": -3.5, "e": -4.0, "▁ke": -7.0, "y": -5.5, "k": -6.0, "t": -4.25, "h": -5.0, "é": -8.0,
    "fi": -7.5, "f": -6.5, "i": -4.5, "A": -6.75, "日本": -9.0, "日": -9.5, "a": -4.125,
    "▁▁": -9.25, "d": -5.25, "...": -6.0, ".": -3.25, "key": -7.75, "eys": -8.25, "<mask>": 0.0,
}  # fmt: skip


def tokenizer_json(**changes: Any) -> dict[str, Any]:
    """Return the content of a `tokenizer.json` of XLM-R's kind, with some parts replaced."""
    special = [
        {"id": id_, "content": token, "special": True, "normalized": False, "single_word": False,
         "lstrip": False, "rstrip": False}
        for id_, token in [*[*enumerate(VOCABULARY)][:4], (len(VOCABULARY) - 1, "<mask>")]
    ]  # fmt: skip
    charsmap = base64.b64encode(compile_charsmap()).decode()
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap},
        "pre_tokenizer": {
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}},
            ],
            "pair": [
                {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {
                token: {"id": token, "ids": [id_], "tokens": [token]}
                for id_, token in ((0, "<s>"), (2, "</s>"))
            },
        },
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": 3, "vocab": list(map(list, VOCABULARY.items()))},
        **changes,
    }  # fmt: skip


def write_unigram(path: Path, **changes: Any) -> Path:
    """Write a tokenizer.json of XLM-R's kind."""
    path.write_text(json.dumps(tokenizer_json(**changes)), encoding="utf-8")
    return path
