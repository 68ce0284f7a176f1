"""Parsing model folders, and the errors of damaged ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file

from ragkit.encoders import model_folder
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.errors import ModelError
from tests.encoders.conftest import MODULES, edit_json, tiny_weights, write_json


def test_the_tiny_model_is_parsed(tiny: Path) -> None:
    folder = model_folder.read(tiny, "tiny")
    assert (folder.pooling, folder.dimension, folder.max_length) == ("mean", 32, 32)
    assert (folder.query_prompt, folder.passage_prompt) == ("", "")
    assert folder.is_plain
    assert len(folder.fingerprint) == 64


def test_a_folder_of_plain_transformers_gets_mean_pooling(tiny: Path) -> None:
    (tiny / "modules.json").unlink()
    (tiny / "sentence_bert_config.json").unlink()
    folder = model_folder.read(tiny, "tiny")
    assert (folder.pooling, folder.max_length, folder.is_plain) == ("mean", 48, True)


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_max_tokens": True}, "mean+max"),
        ({"pooling_mode": "max"}, "max"),
        ({"pooling_mode": ["cls", "mean"]}, "cls+mean"),
    ],
)
def test_the_pooling_follows_from_the_config(
    tiny: Path, config: dict[str, Any], pooling: str
) -> None:
    edit_json(tiny / "1_Pooling" / "config.json", config)
    assert model_folder.read(tiny, "tiny").pooling == pooling


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        ({"model_max_length": 20}, 20),
        ({"model_max_length": 10**30}, 48),
        ({"model_max_length": None}, 48),
    ],
)
def test_without_a_length_the_tokenizer_and_the_positions_decide(
    tiny: Path, settings: dict[str, Any], length: int
) -> None:
    write_json(tiny / "sentence_bert_config.json", {"max_seq_length": None})
    edit_json(tiny / "tokenizer_config.json", settings)
    assert model_folder.read(tiny, "tiny").max_length == length


def test_no_length_exceeds_the_positions(tiny: Path) -> None:
    write_json(tiny / "sentence_bert_config.json", {"max_seq_length": 512})
    assert model_folder.read(tiny, "tiny").max_length == 48


def test_roberta_has_two_positions_fewer_than_it_declares(tiny: Path) -> None:
    write_json(tiny / "sentence_bert_config.json", {})
    edit_json(tiny / "config.json", {"model_type": "roberta"})
    assert model_folder.read(tiny, "tiny").max_length == 46


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        ("intfloat/e5-small-v2", ("query: ", "passage: ")),
        ("intfloat/multilingual-e5-large", ("query: ", "passage: ")),
        ("models/bge-small-en-v1.5/", (model_folder._FAMILIES[1][1][0], "")),
        ("BAAI/bge-base-zh", ("", "")),
        ("intfloat/e5-mistral-7b-instruct", ("", "")),
        ("intfloat/multilingual-e5-large-instruct", ("", "")),
        ("all-MiniLM-L6-v2", ("", "")),
    ],
)
def test_prompts_of_known_families(tiny: Path, name: str, prompts: tuple[str, str]) -> None:
    write_json(
        tiny / "config_sentence_transformers.json", {"prompts": {"query": "", "document": ""}}
    )
    folder = model_folder.read(tiny, name)
    assert (folder.query_prompt, folder.passage_prompt) == prompts


@pytest.mark.parametrize(
    ("own", "prompts"),
    [
        ({"prompts": {"query": "Q: ", "passage": "P: "}}, ("Q: ", "P: ")),
        ({"prompts": {"query": "Q: ", "document": "D: "}}, ("Q: ", "D: ")),
        ({"prompts": {"all": "A: "}, "default_prompt_name": "all"}, ("A: ", "A: ")),
        ({"prompts": {"sts": "S: "}, "default_prompt_name": None}, ("", "")),
    ],
)
def test_prompts_of_the_folder(tiny: Path, own: dict[str, Any], prompts: tuple[str, str]) -> None:
    write_json(tiny / "config_sentence_transformers.json", own)
    folder = model_folder.read(tiny, "tiny")
    assert (folder.query_prompt, folder.passage_prompt) == prompts


def test_everything_that_changes_a_vector_changes_the_fingerprint(tiny: Path) -> None:
    seen = {model_folder.read(tiny, "tiny").fingerprint}
    assert {model_folder.read(tiny, "another name").fingerprint} == seen
    edit_json(tiny / "tokenizer.json", {"padding": None})
    seen.add(model_folder.read(tiny, "tiny").fingerprint)
    write_json(tiny / "sentence_bert_config.json", {"max_seq_length": 30})
    seen.add(model_folder.read(tiny, "tiny").fingerprint)
    edit_json(tiny / "1_Pooling" / "config.json", {"pooling_mode_max_tokens": True})
    seen.add(model_folder.read(tiny, "tiny").fingerprint)
    write_json(tiny / "config_sentence_transformers.json", {"prompts": {"query": "q: "}})
    seen.add(model_folder.read(tiny, "tiny").fingerprint)
    changed = {**tiny_weights(), "extra": tiny_weights()["pooler.dense.bias"]}
    save_file(changed, tiny / "model.safetensors")
    seen.add(model_folder.read(tiny, "tiny").fingerprint)
    assert len(seen) == 6


def dense(tiny: Path) -> Path:
    kind = "sentence_transformers.models.Dense"
    write_json(tiny / "modules.json", [*MODULES, {"path": "2_Dense", "type": kind}])
    write_json(tiny / "2_Dense" / "config.json", {"in_features": 32, "out_features": 8})
    save_file({"linear.weight": tiny_weights()["pooler.dense.weight"]}, tiny / "2_Dense" / "w")
    return tiny / "2_Dense" / "w"


def test_a_dense_module_sets_the_dimension(tiny: Path) -> None:
    dense(tiny).rename(tiny / "2_Dense" / "model.safetensors")
    folder = model_folder.read(tiny, "tiny")
    assert (folder.dimension, folder.is_plain) == (8, False)


def test_a_pickled_dense_module_is_refused(tiny: Path) -> None:
    dense(tiny).rename(tiny / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only as a pickle"):
        model_folder.read(tiny, "tiny")


def test_every_shard_must_exist(tiny: Path) -> None:
    (tiny / "model.safetensors").rename(tiny / "a.safetensors")
    write_json(
        tiny / "model.safetensors.index.json",
        {"weight_map": {"x": "a.safetensors", "y": "../b.safetensors"}},
    )
    with pytest.raises(ModelError, match=r"b\.safetensors is missing"):
        model_folder.read(tiny, "tiny")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(tiny: Path, name: str) -> None:
    (tiny / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        model_folder.read(tiny, "tiny")


def test_a_truncated_model_is_refused(tiny: Path) -> None:
    path = tiny / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="its header says"):
        model_folder.read(tiny, "tiny")


def test_pickled_weights_are_refused(tiny: Path) -> None:
    (tiny / "model.safetensors").rename(tiny / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only as a pickle"):
        model_folder.read(tiny, "tiny")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_code_of_a_model_is_refused(tiny: Path, name: str) -> None:
    edit_json(tiny / name, {"auto_map": {"AutoModel": "modeling.Mine"}})
    with pytest.raises(ModelError, match="runs none"):
        model_folder.read(tiny, "tiny")


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        ([{"type": "custom.Mine", "path": ""}], "runs none"),
        ([{**MODULES[0], "path": "../elsewhere"}], "points outside its folder"),
        ([{**MODULES[1]}], "starts with"),
        ([], "starts with"),
        ([{"type": 1}], "lists no modules"),
        ({"a": 1}, "lists no modules"),
    ],
)
def test_unsupported_modules_are_refused(tiny: Path, modules: Any, says: str) -> None:
    write_json(tiny / "modules.json", modules)
    with pytest.raises(ModelError, match=says):
        model_folder.read(tiny, "tiny")


@pytest.mark.parametrize("content", ["{", "[]", "\0"])
def test_a_damaged_config_is_refused(tiny: Path, content: str) -> None:
    (tiny / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"config\.json"):
        model_folder.read(tiny, "tiny")


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("config.json", {"max_position_embeddings": "many"}),
        ("config.json", {"model_type": []}),
        ("sentence_bert_config.json", {"max_seq_length": {"a": 1}}),
        ("config_sentence_transformers.json", {"prompts": ["query: "]}),
        ("config_sentence_transformers.json", {"prompts": {"query": 3}}),
        ("1_Pooling/config.json", {"pooling_mode": 7}),
        ("1_Pooling/config.json", {"pooling_mode": [1]}),
    ],
)
def test_values_of_the_wrong_type_are_refused(
    tiny: Path, place: str, changes: dict[str, Any]
) -> None:
    before = json.loads((tiny / place).read_text()) if (tiny / place).exists() else {}
    write_json(tiny / place, {**before, **changes})
    with pytest.raises(ModelError, match="wrong type") as error:
        model_folder.read(tiny, "tiny")
    assert str(tiny) in str(error.value)


def test_a_deeply_nested_file_is_refused(tiny: Path) -> None:
    (tiny / "config.json").write_text("[" * 200_000)
    with pytest.raises(ModelError, match="fetch the model again"):
        model_folder.read(tiny, "tiny")


@pytest.mark.parametrize(
    ("file", "content", "what"),
    [
        ("config_sentence_transformers.json", {"model_type": "SparseEncoder"}, "SPLADE.*hybrid"),
        ("config_sentence_transformers.json", {"model_type": "CrossEncoder"}, "rerank"),
        ("config_sentence_transformers.json", {"model_type": "MultiVectorEncoder"}, "ColBERT"),
        ("config_sentence_transformers.json", {"model_type": "Oracle"}, "is a Oracle; an encoder"),
    ],
)
def test_other_kinds_are_refused_by_name(
    tiny: Path, file: str, content: dict[str, str], what: str
) -> None:
    write_json(tiny / file, content)
    with pytest.raises(ModelError, match=what):
        model_folder.read(tiny, "tiny")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("sentence_transformers.sparse_encoder.models.SpladePooling", "sparse encoder"),
        ("sentence_transformers.multi_vector_encoder.modules.x.MultiVector", "multi-vector"),
        ("pylate.models.Dense.Dense", "multi-vector"),
        ("sentence_transformers.cross_encoder.modules.logit_score.LogitScore", "cross-encoder"),
    ],
)
def test_modules_of_other_kinds_name_them(tiny: Path, kind: str, what: str) -> None:
    write_json(tiny / "modules.json", [MODULES[0], {"path": "1_Other", "type": kind}])
    with pytest.raises(ModelError, match=what):
        model_folder.read(tiny, "tiny")


@pytest.mark.parametrize(
    ("architecture", "name", "what"),
    [
        ("BertForSequenceClassification", "tiny", "cross-encoder"),
        ("HF_ColBERT", "tiny", "multi-vector"),
        ("BertForMaskedLM", "naver/splade-v3", "sparse encoder"),
    ],
)
def test_plain_models_of_other_kinds_are_refused(
    tiny: Path, architecture: str, name: str, what: str
) -> None:
    (tiny / "modules.json").unlink()
    edit_json(tiny / "config.json", {"architectures": [architecture]})
    with pytest.raises(ModelError, match=what):
        model_folder.read(tiny, name)
    edit_json(tiny / "config.json", {"architectures": ["BertForMaskedLM"]})
    assert model_folder.read(tiny, "tiny").pooling == "mean"  # a language model may be pooled


@pytest.mark.parametrize(
    "kind",
    [
        "roberta", "xlm-roberta", "camembert", "mpnet", "xmod", "xlm-roberta-xl",
        "roberta-prelayernorm", "data2vec-text", "ibert", "lilt", "luke", "longformer",
    ],
)  # fmt: skip
def test_positions_begin_after_the_padding_token(tiny: Path, kind: str) -> None:
    edit_json(tiny / "config.json", {"model_type": kind, "pad_token_id": 3})
    write_json(tiny / "sentence_bert_config.json", {"max_seq_length": 512})
    assert model_folder.read(tiny, "tiny").max_length == 48 - 4
    edit_json(tiny / "config.json", {"pad_token_id": None})
    assert model_folder.read(tiny, "tiny").max_length == 48 - 2


@pytest.mark.parametrize("file", ["sentencepiece.bpe.model", "vocab.txt", "spiece.model"])
def test_a_slow_tokenizer_is_refused_with_the_remedy(tiny: Path, file: str) -> None:
    (tiny / "tokenizer.json").unlink()
    (tiny / "vocab.txt").unlink()
    (tiny / file).write_text("")
    with pytest.raises(ModelError, match=f"{file} is the form.*save_pretrained"):
        model_folder.read(tiny, "tiny")


def test_half_precision_gives_models_that_torch_computed_a_new_fingerprint(tiny: Path) -> None:
    half = {name: values.astype("float16") for name, values in tiny_weights().items()}
    seen = set()
    for kind in ("bert", "electra"):
        for weights in (tiny_weights(), half):
            save_file(weights, tiny / "model.safetensors")
            edit_json(tiny / "config.json", {"model_type": kind})
            folder = model_folder.read(tiny, "tiny", digest=lambda path: "")
            seen.add((kind == "electra", weights is half, folder.fingerprint))
    fingerprints = {key: value for *key, value in seen for key in [tuple(key)]}
    assert fingerprints[False, False] == fingerprints[False, True] == fingerprints[True, False]
    assert fingerprints[True, True] != fingerprints[True, False]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("bge-small-en-v1.5-int8", True),
        ("bge-small-en-v1.5-onnx-Q", True),
        ("bge-small-en-v1.5-quantized", True),
        ("bge-small-en-icl", False),
    ],
)
def test_exports_keep_their_family(name: str, query: bool) -> None:
    assert bool(model_folder.family_prompts(name)[0]) is query


def test_normalization_at_the_end_is_left_to_the_engines(tiny: Path) -> None:
    """Done twice it would change the last bit of vectors."""
    dense(tiny).rename(tiny / "2_Dense" / "model.safetensors")
    modules = json.loads((tiny / "modules.json").read_text())
    normalize = {"path": "3_Normalize", "type": "sentence_transformers.models.Normalize"}
    write_json(tiny / "modules.json", [*modules, normalize])
    assert model_folder.read(tiny, "tiny").after_pooling == (("Dense", tiny / "2_Dense"),)
    write_json(tiny / "modules.json", [*MODULES, normalize])
    assert model_folder.read(tiny, "tiny").after_pooling == ()


@pytest.mark.model
def test_the_fingerprint_of_the_default_model_stays(minilm: SentenceEncoder) -> None:
    """A changed one would make every collection embed everything again."""
    assert minilm.fingerprint.startswith("166ac5a0d5527e2cf176")
