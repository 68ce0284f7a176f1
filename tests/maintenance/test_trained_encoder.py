"""`tune --train` with a tiny model: what the training returns is measured, used and undone.

The training itself is that of tests/learning; here it returns a model that was made by hand.
"""

import random
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from ragkit import Collection, Settings, learning, user_dirs
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import ModelError, UsageError
from ragkit.learning.checkpoints import TrainingFolder
from ragkit.maintenance import trained_encoder
from ragkit.models import tuned
from ragkit.storage.sqlite import passages
from tests.conftest import WordEncoder
from tests.encoders.conftest import CONFIG, MODULES, tiny_weights, write_json
from tests.maintenance.test_migrate import BlindEncoder, SmallEncoder, write_notes

pytest.importorskip("ir_measures", reason='needs pip install "ragkit-search[eval]"')
PAGES = 120
COUNT = 30  # words that each have another with the same meaning
WORDS = [f"{kind}{number}" for kind in ("ask", "say") for number in range(COUNT)]
SETTINGS = Settings(passage_tokens=40, overlap=0.0)


def write_model(folder, *, seed=3, alike=False):
    """A BERT of one layer that reads a text nearly as a bag of words. "ask7" and "say7" have
    nothing in common, or, if `alike`, the same vector."""
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
    weights = {
        name: value if "LayerNorm.weight" in name else 0.05 * value
        for name, value in weights.items()
    }
    words = np.random.default_rng(seed).normal(0, 0.4, (len(vocabulary), 32))
    if alike:
        words[-COUNT:] = words[-2 * COUNT : -COUNT]
    weights["embeddings.word_embeddings.weight"] = words.astype(np.float32)
    kept = {name: value for name, value in weights.items() if ".layer.1" not in name}
    kept = {name: value for name, value in kept.items() if ".layer.2" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write_pages(folder):
    """Pages whose first sentence says with other words what the rest says."""
    folder.mkdir()
    draw = random.Random(5)
    for page in range(PAGES):
        numbers = draw.sample(range(COUNT), 6)
        asked = " ".join(f"ask{number}" for number in numbers)
        said = " ".join(f"say{number}" for number in 3 * numbers)
        (folder / f"{page}.txt").write_text(f"{asked.capitalize()}. {said.capitalize()}.\n")
    return folder


class Training:
    """In the place of `learning.train`: writes a model, once `interruptions` are over."""

    def __init__(self, interruptions=0, **model):
        self.interruptions = interruptions
        self.model = model
        self.calls = []

    def __call__(self, pairs, output, **options):
        self.calls.append((Path(pairs).read_text(), options["resume"]))
        training = TrainingFolder.for_output(output)
        if not options["resume"]:
            training.create({})
        if len(self.calls) <= self.interruptions:
            raise KeyboardInterrupt
        write_model(output, **self.model)
        training.delete()


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return (collection, the base model's folder) with the training that is given."""
    monkeypatch.setattr(trained_encoder, "MIN_PAIRS", 20)
    monkeypatch.setattr(trained_encoder, "check_packages", lambda: None)
    collections = []

    def start_(training):
        monkeypatch.setattr(learning, "train", training)
        base = write_model(tmp_path / "base")
        collection = Collection(tmp_path / "kit", settings=SETTINGS)
        collections.append(collection)
        collection.index(write_pages(tmp_path / "pages"), model=str(base))
        return collection, str(base)

    yield start_
    for collection in collections:
        collection.close()


def found(collection):
    return [(hit.path, hit.score) for hit in collection.search("say1 say2 say3", mode="dense")]


def test_a_better_encoder_is_used_after_an_interruption_and_undone(start):
    training = Training(interruptions=1, alike=True)
    collection, base = start(training)
    was = found(collection)
    with pytest.raises(KeyboardInterrupt):
        collection.tune(train=True)
    assert (collection.model().name, found(collection)) == (base, was)
    trial = collection.tune(train=True).encoder
    (first, second) = training.calls
    assert first[1:] == (False,)
    assert second == (first[0], True)  # goes on, with the same triplets
    assert trial.triplets == first[0].count("\n")
    assert trial.is_better
    assert trial.after["nDCG@10"] > trial.before["nDCG@10"] + 0.2
    assert trial.intervals["nDCG@10"][0] > 0
    assert trial.embedded == collection.status().passages
    (place,) = (user_dirs.data() / "models").iterdir()
    assert trial.model == collection.model().name == str(place)
    assert not list(user_dirs.cache().glob("tune-*"))
    assert collection.index().unchanged == PAGES
    assert collection.tune(undo=True).undone
    assert (collection.model().name, found(collection)) == (base, was)
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


def test_no_gain_changes_nothing(start):
    collection, base = start(Training(seed=4))
    trial = collection.tune(train=True).encoder
    assert (trial.is_better, trial.model, trial.embedded) == (False, "", 0)
    assert trial.p_values["nDCG@10"] > 0.05
    assert collection.model().name == base
    assert not (user_dirs.data() / "models").exists()


def test_few_triplets_are_said(start, monkeypatch):
    monkeypatch.setattr(trained_encoder, "MIN_PAIRS", 500)
    training = Training()
    report = start(training)[0].tune(train=True)
    assert (report.encoder, training.calls) == (None, [])
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
