"""`precision = "auto"`: int8 is used where it is near enough to fp32 on the user's own texts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ragkit.collection import Collection
from ragkit.errors import ModelError
from ragkit.models import precision
from ragkit.models.precision import PrecisionTrial, try_int8
from ragkit.settings import Settings
from tests.conftest import WordEncoder

TEXTS = [
    f"passage {number} about subject {number % 40} and day {number % 7}" for number in range(150)
]


class Noisy(WordEncoder):
    """The words' encoder with noise of this length on each vector, on a clock of its own."""

    def __init__(self, noise=0.0, seconds=1.0, clock=None):
        super().__init__()
        self.noise, self.seconds, self.clock = noise, seconds, clock

    def encode_passages(self, texts):
        if self.clock is not None:
            self.clock.now += self.seconds * len(texts)
        rows = super().encode_passages(texts)
        noise = np.random.default_rng(len(texts)).standard_normal(rows.shape)
        rows = rows + self.noise * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(precision, "time", SimpleNamespace(process_time=lambda: clock.now))
    return clock


@pytest.mark.parametrize(
    ("noise", "seconds", "texts", "chosen"),
    [
        (0.001, 0.5, TEXTS, "int8"),
        (0.3, 0.5, TEXTS, "fp32"),  # other vectors
        (0.001, 0.95, TEXTS, "fp32"),  # nothing to gain
        (0.001, 0.5, TEXTS[:99], "fp32"),  # too few to tell
    ],
)
def test_int8_has_to_be_near_and_faster(clock, noise, seconds, texts, chosen):
    trial = try_int8(Noisy(clock=clock), Noisy(noise, seconds, clock), texts)
    assert trial.precision == chosen
    assert str(trial).startswith(f"precision is {chosen}")
    if texts is TEXTS:
        assert trial.passages == 150
        assert trial.time == pytest.approx(seconds)
        assert trial.lowest_cosine == pytest.approx(1 / np.hypot(1, noise), abs=noise / 2)


@pytest.mark.parametrize(
    ("cosine", "same", "time", "chosen"),
    [
        (0.995, 0.95, 0.9, "int8"),
        (0.9949, 0.95, 0.9, "fp32"),
        (0.995, 0.949, 0.9, "fp32"),
        (0.995, 0.95, 0.91, "fp32"),
    ],
)
def test_the_bounds(cosine, same, time, chosen):
    assert PrecisionTrial(500, cosine, same, time).precision == chosen


def test_texts_that_the_encoder_cannot_read_do_not_count(clock):
    class Blind(Noisy):
        def encode_passages(self, texts):
            rows = super().encode_passages(texts)
            rows[::2] = 0
            return rows

    assert try_int8(Blind(clock=clock), Blind(0.001, 0.5, clock), TEXTS).passages == 75


@pytest.fixture
def models(monkeypatch, clock):
    """Return a function that sets how far the vectors in int8 are from those in fp32."""

    def set_noise(noise):
        def load(spec):
            coarse = spec.precision == "int8"
            encoder = Noisy(noise * coarse, 0.5 if coarse else 1.0, clock)
            encoder.name = spec.name
            encoder.fingerprint = f"{spec.name}-{spec.precision}".ljust(64, "0")
            return encoder

        monkeypatch.setattr("ragkit.encoders.resolve.load", load)
        monkeypatch.setattr("ragkit.encoders.engines.cpu_threads.has_gpu_driver", lambda: False)

    return set_noise


@pytest.mark.parametrize(("noise", "chosen"), [(0.001, "int8"), (0.3, "fp32")])
def test_the_first_run_of_a_collection_decides(models, tmp_path, noise, chosen):
    models(noise)
    folder = tmp_path / "notes"
    folder.mkdir()
    for number, text in enumerate(TEXTS[:120]):
        (folder / f"{number:03}.txt").write_text(text)
    said = []

    def open_(**settings):
        return Collection(tmp_path / "kit", settings=Settings(**settings), notify=said.append)

    with open_(model="m", precision="auto") as collection:
        collection.index(folder)
        assert collection.model().precision == chosen
        vectors = {row["fingerprint"] for row in collection._read(_models)}
    assert vectors == {f"m-{chosen}".ljust(64, "0")}
    assert [line for line in said if line.startswith(f"precision is {chosen}: on 120 passages")]
    models(0.3 if chosen == "int8" else 0.001)  # what was decided stays
    for settings in ({"precision": "auto"}, {}):
        with open_(**settings) as collection:
            assert collection.index().unchanged == 120
            assert collection.model().precision == chosen
            assert collection.search("passage 7 about subject 7", k=1)
    with open_(precision="auto") as collection:
        collection.index(rebuild=True)  # which decides anew
        assert collection.model().precision == {"int8": "fp32", "fp32": "int8"}[chosen]


@pytest.mark.parametrize(("noise", "chosen"), [(0.001, "int8"), (0.3, "fp32")])
def test_a_migration_decides_by_the_stored_passages(models, tmp_path, noise, chosen):
    models(noise)
    folder = tmp_path / "notes"
    folder.mkdir()
    for number, text in enumerate(TEXTS[:120]):
        (folder / f"{number:03}.txt").write_text(text)
    said = []
    with Collection(tmp_path / "kit", settings=Settings(model="old")) as collection:
        collection.index(folder)
        assert collection.model().precision == "fp32"
    settings = Settings(model="new", precision="auto")
    with Collection(tmp_path / "kit", settings=settings, notify=said.append) as collection:
        assert collection.migrate(force=True).embedded == 120
        assert (collection.model().name, collection.model().precision) == ("new", chosen)
    assert [line for line in said if line.startswith(f"precision is {chosen}: on 120 passages")]


def _models(connection):
    return connection.execute("SELECT * FROM models").fetchall()


def test_a_model_whose_engine_fails_in_int8_stays_in_fp32(models, monkeypatch, tmp_path):
    models(0.001)
    encode = Noisy.encode_passages

    def fail_in_int8(encoder, texts):
        if encoder.fingerprint.startswith("m-int8"):
            raise ModelError("m cannot be encoded in int8 here")
        return encode(encoder, texts)

    monkeypatch.setattr(Noisy, "encode_passages", fail_in_int8)
    folder = tmp_path / "notes"
    folder.mkdir()
    for number, text in enumerate(TEXTS[:120]):
        (folder / f"{number:03}.txt").write_text(text)
    with Collection(tmp_path / "kit", settings=Settings(model="m", precision="auto")) as collection:
        assert collection.index(folder).embedded == 120
        assert collection.model().precision == "fp32"


def test_a_small_collection_stays_in_fp32(models, tmp_path):
    models(0.001)
    (tmp_path / "a.txt").write_text("one short text")
    with Collection(tmp_path / "kit", settings=Settings(model="m", precision="auto")) as collection:
        assert collection.index(tmp_path / "a.txt", dry_run=True).added == 1
        assert collection.model() is None
        collection.index(tmp_path / "a.txt")
        assert collection.model().precision == "fp32"
