"""A plain start model with random weights, and pairs it can learn from."""

import json
import random
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from tests.encoders.conftest import CONFIG, VOCABULARY, tiny_weights, write_json, write_tokenizer

WORDS = ["the", "key", "rot", "every", "week", "bank", "river"]


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Path:
    """A folder of transformers' alone: no pooling, no modules."""
    folder = tmp_path_factory.mktemp("plain") / "start"
    write_json(folder / "config.json", CONFIG)
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": False}
    write_json(folder / "tokenizer_config.json", settings)
    write_tokenizer(folder / "tokenizer.json")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    save_file(tiny_weights(), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Models this small gain nothing by a second one."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def sentences(number, seed):
    """Different ones, of three to five words."""
    draw = random.Random(seed)
    found = {}
    while len(found) < number:
        found[" ".join(draw.sample(WORDS, draw.randint(3, 5)))] = None
    return list(found)


def scored(number, seed=1):
    """Pairs scored by the share of words they have in common."""
    texts = sentences(2 * number, seed)
    rows = []
    for first, second in zip(texts[::2], texts[1::2], strict=True):
        a, b = set(first.split()), set(second.split())
        rows.append({"sentence1": first, "sentence2": second, "score": len(a & b) / len(a | b)})
    return rows


def labelled(number):
    """The same pairs, near or far."""
    return [
        {
            "premise": row["sentence1"],
            "hypothesis": row["sentence2"],
            "label": "near" if row["score"] > 0.4 else "far",
        }
        for row in scored(number)
    ]


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path) -> Path:
    """Sixty scored pairs, every sentence once."""
    return write_rows(tmp_path / "pairs.jsonl", scored(60))
