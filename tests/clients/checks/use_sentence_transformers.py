"""sentence-transformers in the lowest version that ragkit declares: models that only it runs,
rerankers, and folders that `ragkit train` writes."""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from checking import check, run
from sentence_transformers import CrossEncoder, SentenceTransformer

from ragkit.encoders import cross_encoder, resolve
from ragkit.learning.saved_folder import make_portable

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "key", "bank", "river", "week", "."]
TEXTS = ["the key .", "river bank", "the bank the bank the week ."]
SIZES = {
    "vocab_size": len(WORDS), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 40,
}  # fmt: skip
PREFIX = "sentence_transformers"
# The files of a folder as release 6.2 saves it.
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": f"{PREFIX}.base.modules.transformer.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling",
     "type": f"{PREFIX}.sentence_transformer.modules.pooling.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize",
     "type": f"{PREFIX}.base.modules.normalize.Normalize"},
]  # fmt: skip
TRANSFORMER = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
POOLING = {"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": True}


def save(config, model="AutoModel"):
    """Save a model with random weights and return its folder."""
    folder = Path(tempfile.mkdtemp())
    torch.manual_seed(0)
    getattr(transformers, model).from_config(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=40).save_pretrained(
        folder
    )
    return folder


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def sentence_folder(config):
    """A sentence-transformers folder, as release 6.2 saves it."""
    folder = save(config)
    write(folder, "modules.json", MODULES)
    write(folder, "sentence_bert_config.json", TRANSFORMER)
    write(folder, "1_Pooling/config.json", POOLING)
    return folder


def check_vectors(folder):
    expected = SentenceTransformer(str(folder), local_files_only=True).encode(
        TEXTS, normalize_embeddings=True
    )
    vectors = resolve.load(str(folder)).encode_passages(TEXTS)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


@check
def an_architecture_that_only_the_library_runs():
    folder = sentence_folder(transformers.ElectraConfig(**SIZES, embedding_size=32))
    make_portable(folder)
    check_vectors(folder)


@check
def a_folder_that_ragkit_train_writes():
    folder = sentence_folder(transformers.BertConfig(**SIZES))
    make_portable(folder)
    check_vectors(folder)


@check
def a_reranker_that_only_the_library_runs():
    folder = save(
        transformers.ElectraConfig(**SIZES, embedding_size=32, num_labels=1),
        "AutoModelForSequenceClassification",
    )
    model = CrossEncoder(str(folder), activation_fn=torch.nn.Identity(), local_files_only=True)
    expected = model.predict([("the key", text) for text in TEXTS])
    reranker = cross_encoder.load(str(folder))
    np.testing.assert_allclose(reranker.scores("the key", TEXTS), expected, atol=1e-5)


run()
