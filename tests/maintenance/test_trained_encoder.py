"""`tune --train`: a tiny model learns which words mean the same, is used, resumed and undone."""

import importlib.util
import random

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from ragkit import Collection, Settings, user_dirs
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import ModelError, UsageError
from ragkit.maintenance import trained_encoder
from ragkit.models import tuned
from ragkit.storage.sqlite import passages
from tests.conftest import WordEncoder
from tests.encoders.conftest import CONFIG, MODULES, tiny_weights, write_json
from tests.maintenance.test_migrate import BlindEncoder, SmallEncoder, write_notes

PACKAGES = ("torch", "sentence_transformers", "accelerate", "datasets", "ir_measures")
pytestmark = pytest.mark.skipif(  # without importing them: that takes longer than most tests
    not all(map(importlib.util.find_spec, PACKAGES)),
    reason='needs pip install "ragkit-search[train,eval]"',
)
COUNT = 30  # words that each have another with the same meaning
WORDS = [f"{kind}{number}" for kind in ("ask", "say") for number in range(COUNT)]
SETTINGS = Settings(passage_tokens=40, overlap=0.0)


def write_model(folder):
    """A BERT of one layer with random weights: "ask7" and "say7" have nothing in common yet."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    write_json(
        folder / "config.json", {**CONFIG, "num_hidden_layers": 1, "vocab_size": len(vocabulary)}
    )
    write_json(folder / "modules.json", MODULES)
    write_json(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True},
    )
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    ids = {word: number for number, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    weights = tiny_weights()
    weights["embeddings.word_embeddings.weight"] = (
        np.random.default_rng(3).normal(0, 0.4, (len(vocabulary), 32)).astype(np.float32)
    )
    kept = {name: value for name, value in weights.items() if ".layer.1" not in name}
    kept = {name: value for name, value in kept.items() if ".layer.2" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write_pages(folder, count=160):
    """Pages whose first sentence says with other words what the rest says."""
    folder.mkdir()
    draw = random.Random(5)
    for page in range(count):
        numbers = draw.sample(range(COUNT), 6)
        asked = " ".join(f"ask{number}" for number in numbers)
        said = " ".join(f"say{number}" for number in 3 * numbers)
        (folder / f"{page}.txt").write_text(f"{asked.capitalize()}. {said.capitalize()}.\n")
    return folder


class InterruptionError(Exception):
    """A process that ends in the middle of the training."""


@pytest.fixture
def quick(monkeypatch):
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(trained_encoder, "MIN_PAIRS", 20)
    monkeypatch.setattr(trained_encoder, "EPOCHS", 12)
    monkeypatch.setattr(trained_encoder, "LEARNING_RATE", 5e-3)
    yield
    torch.set_num_threads(threads)


def test_a_better_encoder_is_trained_resumed_used_and_undone(tmp_path, quick):
    base = write_model(tmp_path / "base")
    messages = []

    def interrupt(message):
        messages.append(message)
        if message.startswith("training: step") and " step 0 " not in message:
            raise InterruptionError

    kit, query = tmp_path / "kit", "say1 say2 say3"
    with Collection(kit, settings=SETTINGS, notify=interrupt) as collection:
        collection.index(write_pages(tmp_path / "pages"), model=str(base))
        was = [(hit.path, hit.score) for hit in collection.search(query)]
        with pytest.raises(InterruptionError):
            collection.tune(train=True)
        assert collection.model().name == str(base)
        assert [(hit.path, hit.score) for hit in collection.search(query)] == was
    with Collection(kit, settings=SETTINGS, notify=messages.append) as collection:
        report = collection.tune(train=True)
        assert any(message.startswith("resuming from step") for message in messages)
        trial = report.encoder
        assert trial.is_better
        assert trial.after["nDCG@10"] > trial.before["nDCG@10"] + 0.2
        assert trial.intervals["nDCG@10"][0] > 0
        assert trial.embedded == collection.status().passages
        (place,) = (user_dirs.data() / "models").iterdir()
        assert trial.model == collection.model().name == str(place)
        assert (place / "model.safetensors").is_file()
        assert not list(user_dirs.cache().glob("tune-*"))
        first = (tmp_path / "pages" / "7.txt").read_text().partition(".")[0]
        assert "7.txt" in [hit.path for hit in collection.search(first, k=5, mode="dense")]
        assert collection.index().unchanged == 160
        assert collection.tune(undo=True).undone
        assert collection.model().name == str(base)
        found = [(hit.path, hit.score) for hit in collection.search(query)]
        assert [path for path, _ in found] == [path for path, _ in was]
        with pytest.raises(UsageError, match="nothing to undo"):
            collection.tune(undo=True)


def test_undo_takes_back_the_encoder_unless_the_user_has_chosen_another(tmp_path, monkeypatch):
    encoders = {"words": WordEncoder(), "small": SmallEncoder(), "blind": BlindEncoder()}
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: encoders[spec.name])
    settings = Settings(passage_tokens=40, overlap=0.0, model="words")
    with Collection(tmp_path / "kit", settings=settings) as collection:
        collection.index(write_notes(tmp_path / "house"))
        first = collection._read(passages.model)["id"]
        tuning = tuned.TunedSettings(can_undo=True)
        for chosen, expected in ((None, "words"), ("blind", "blind")):
            collection.migrate("small", force=True)
            small = collection._read(passages.model)["id"]
            with collection._store.writing() as connection:
                record = tuning._replace(model=small, model_before=first)
                tuned.store(connection, record)
            if chosen:
                collection.migrate(chosen, force=True)
            assert collection.tune(undo=True).undone
            assert collection.model().name == expected


def test_no_gain_changes_nothing(tmp_path, quick, monkeypatch):
    monkeypatch.setattr(trained_encoder, "LEARNING_RATE", 1e-9)
    base = write_model(tmp_path / "base")
    with Collection(tmp_path / "kit", settings=SETTINGS) as collection:
        collection.index(write_pages(tmp_path / "pages"), model=str(base))
        trial = collection.tune(train=True).encoder
        assert (trial.is_better, trial.model, trial.embedded) == (False, "", 0)
        assert trial.p_values["nDCG@10"] > 0.05
        assert collection.model().name == str(base)
        assert not (user_dirs.data() / "models").exists()


def test_few_triplets_are_said(tmp_path, quick, monkeypatch):
    monkeypatch.setattr(trained_encoder, "MIN_PAIRS", 500)
    with Collection(tmp_path / "kit", settings=SETTINGS) as collection:
        collection.index(write_pages(tmp_path / "pages"), model=str(write_model(tmp_path / "base")))
        report = collection.tune(train=True)
    assert report.encoder is None
    assert report.not_tried[-1].endswith("triplets can be made, 500 are needed")


def test_what_cannot_be_trained_is_said_before_the_work(collection, folder, tmp_path, monkeypatch):
    collection.index(folder)
    with pytest.raises(UsageError, match="object of this program"):
        collection.tune(train=True)
    with pytest.raises(UsageError, match="runs on a server"):
        trained_encoder.check_trainable(ModelSpec("bge-m3", base_url="http://127.0.0.1:1/v1"))
    with pytest.raises(ModelError):
        trained_encoder.check_trainable(ModelSpec(str(tmp_path)))
    base = str(write_model(tmp_path / "base"))
    with Collection(tmp_path / "named", settings=Settings(model=base)) as named:
        named.index(folder)
        with pytest.raises(UsageError, match="your settings name the model"):
            named.tune(train=True)
