"""A base model of transformers with random weights, and pairs that it can learn from."""

import json
import random
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from tests.encoders.conftest import CONFIG, VOCABULARY, tiny_weights, write_json, write_tokenizer

WORDS = ["the", "key", "rot", "every", "week", "bank", "river"]


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory) -> Path:
    """A model folder of plain transformers, without pooling and modules.json."""
    folder = tmp_path_factory.mktemp("base") / "start"
    write_json(folder / "config.json", CONFIG)
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": False}
    write_json(folder / "tokenizer_config.json", settings)
    write_tokenizer(folder / "tokenizer.json")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    save_file(tiny_weights(), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Run torch on one thread: more are not faster with a model this small."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_sentences(count, seed):
    """Distinct sentences of three to five words."""
    generator = random.Random(seed)
    sentences = {}
    while len(sentences) < count:
        sentences[" ".join(generator.sample(WORDS, generator.randint(3, 5)))] = None
    return list(sentences)


def scored_rows(count, seed=1):
    """Pairs whose score is the share of words that they have in common."""
    texts = make_sentences(2 * count, seed)
    rows = []
    for first, second in zip(texts[::2], texts[1::2], strict=True):
        a, b = set(first.split()), set(second.split())
        rows.append({"sentence1": first, "sentence2": second, "score": len(a & b) / len(a | b)})
    return rows


def labelled_rows(count):
    """The same pairs with the labels near and far."""
    return [
        {
            "premise": row["sentence1"],
            "hypothesis": row["sentence2"],
            "label": "near" if row["score"] > 0.4 else "far",
        }
        for row in scored_rows(count)
    ]


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path) -> Path:
    """A file of sixty scored pairs; every sentence occurs once."""
    return write_rows(tmp_path / "pairs.jsonl", scored_rows(60))
