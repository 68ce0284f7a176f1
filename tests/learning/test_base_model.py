"""The base model: parsing, truncation, pooling, prompts."""

import shutil

import numpy as np
import pytest

from ragkit.errors import ModelError, UsageError
from ragkit.learning.base_model import count_truncated, load_base_model, read_base_model

TEXT = "the key every week"


@pytest.fixture
def base(base_folder):
    return read_base_model(str(base_folder))


def token_vectors(model):
    """(tokens, 32), special tokens included."""
    return model.encode(TEXT, output_value="token_embeddings").numpy()


def test_a_folder_is_parsed_without_loading_it(base, base_folder):
    assert (base.path, base.pooling, base.dimension, base.max_length) == (
        base_folder, "mean", 32, 48,
    )  # fmt: skip


def test_a_missing_model_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="no model"):
        read_base_model("no/one")


def test_truncated_texts_are_counted_once_each(base):
    """The model reads 48 tokens, of which two are special."""
    texts = ["river " * 46, "river " * 47, "river " * 47, "key " * 60]
    assert count_truncated(base, texts, "") == 2
    assert count_truncated(base, texts, "the ") == 3


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        (None, lambda tokens: tokens.mean(axis=0)),
        ("mean", lambda tokens: tokens.mean(axis=0)),
        ("max", lambda tokens: tokens.max(axis=0)),
        ("cls", lambda tokens: tokens[0]),
    ],
)
def test_a_text_has_the_requested_pooling_of_its_tokens(base, pooling, pool):
    model = load_base_model(base, pooling).eval()
    assert model.encode(TEXT) == pytest.approx(pool(token_vectors(model)), abs=1e-5)
    assert model.encode(TEXT).dtype == np.float32
    assert model.max_seq_length == 48


def test_an_unknown_pooling_is_an_error(base):
    with pytest.raises(UsageError, match="pooling is 'sum'; expected one of cls, mean, max"):
        load_base_model(base, "sum")


def test_the_prompts_of_a_family_are_stored_in_the_model(base_folder, tmp_path):
    folder = shutil.copytree(base_folder, tmp_path / "e5-small-v2")
    model = load_base_model(read_base_model(str(folder)), None)
    assert model.prompts == {"query": "query: ", "document": "passage: "}


def test_a_pooling_that_a_further_layer_depends_on_cannot_be_replaced(base, tmp_path):
    """The dense layer expects [CLS] and mean concatenated, 64 dimensions."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling

    transformer = load_base_model(base, None)[0]
    pooling = Pooling(32, pooling_mode=("cls", "mean"))
    model = SentenceTransformer(modules=[transformer, pooling, Dense(64, 16)])
    model.save_pretrained(str(tmp_path / "dense"), create_model_card=False)
    dense = read_base_model(str(tmp_path / "dense"))
    assert load_base_model(dense, None).get_embedding_dimension() == 16
    with pytest.raises(ModelError, match=r"the pooling of .*dense cannot be replaced; omit"):
        load_base_model(dense, "mean")
