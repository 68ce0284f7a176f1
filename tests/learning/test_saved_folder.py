"""Folders that sentence-transformers 6 wrote, in the form that its earlier releases read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit.learning.saved_folder import make_portable

MODULES = [
    {"idx": 0, "name": "0", "path": "",
     "type": "sentence_transformers.base.modules.transformer.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling",
     "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize",
     "type": "sentence_transformers.base.modules.normalize.Normalize"},
]  # fmt: skip
TRANSFORMER = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
OLD = "sentence_transformers.models"


def write(folder: Path, name: str, content: Any) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """As release 6.2 saves all-MiniLM-L6-v2."""
    write(tmp_path, "modules.json", MODULES)
    write(tmp_path, "sentence_bert_config.json", TRANSFORMER)
    write(tmp_path, "tokenizer_config.json", {"model_max_length": 256})
    pooling = {"embedding_dimension": 384, "pooling_mode": "mean", "include_prompt": True}
    write(tmp_path, "1_Pooling/config.json", pooling)
    return tmp_path


def test_the_files_have_the_fields_that_earlier_releases_read(saved: Path) -> None:
    make_portable(saved)
    types = [module["type"] for module in read(saved, "modules.json")]
    assert types == [f"{OLD}.Transformer", f"{OLD}.Pooling", f"{OLD}.Normalize"]
    assert read(saved, "sentence_bert_config.json") == {
        "do_lower_case": False,
        "max_seq_length": 256,
    }
    pooling = read(saved, "1_Pooling/config.json")
    assert pooling.pop("word_embedding_dimension") == 384
    assert pooling.pop("include_prompt") is True
    assert [key for key, value in pooling.items() if value] == ["pooling_mode_mean_tokens"]
    make_portable(saved)  # changes nothing more
    assert [module["type"] for module in read(saved, "modules.json")] == types


def test_several_poolings(saved: Path) -> None:
    write(
        saved, "1_Pooling/config.json", {"embedding_dimension": 8, "pooling_mode": ["cls", "max"]}
    )
    make_portable(saved)
    chosen = [key for key, value in read(saved, "1_Pooling/config.json").items() if value is True]
    assert chosen == ["pooling_mode_cls_token", "pooling_mode_max_tokens"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sentence_bert_config.json", {**TRANSFORMER, "transformer_task": "fill-mask"}),
        ("modules.json", [{**MODULES[0], "type": "sentence_transformers.base.modules.x.Router"}]),
    ],
)
def test_what_has_no_earlier_form_stays(saved: Path, name: str, content: Any) -> None:
    write(saved, name, content)
    before = {path: path.read_bytes() for path in saved.rglob("*.json")}
    make_portable(saved)
    assert {path: path.read_bytes() for path in saved.rglob("*.json")} == before


def test_no_limit_stays_none(saved: Path) -> None:
    write(saved, "tokenizer_config.json", {"model_max_length": 10**30})
    make_portable(saved)
    assert read(saved, "sentence_bert_config.json")["max_seq_length"] is None
