"""Changes of the encoder: measured, switched at once, resumed and rolled back."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from ragkit import Collection, Settings
from ragkit.errors import ModelError, UsageError
from ragkit.maintenance import migrate
from ragkit.storage.sqlite import passages
from tests.conftest import REPOSITORY, WordEncoder

SETTINGS = Settings(passage_tokens=40, overlap=0.0)


class SmallEncoder(WordEncoder):
    """Other vectors than those of the conftest's encoder, of half their dimension."""

    name = "small"
    fingerprint = "a" * 64
    dimension = 32


class BlindEncoder(WordEncoder):
    """Vectors that have nothing to do with the words of a text."""

    name = "blind"
    fingerprint = "b" * 64

    def _vector(self, text):
        vector = np.random.default_rng(len(text)).standard_normal(self.dimension)
        return vector / np.linalg.norm(vector)


class BrokenEncoder(SmallEncoder):
    """Fails after some texts."""

    def encode_passages(self, texts):
        if len(self.encoded) > 5:
            raise ModelError("the server is gone")
        return super().encode_passages(texts[:6])


def write_notes(folder, count=24):
    """Notes of one passage each, with a question that shares no rare word with its answer."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.txt").write_text(
            f"Who may enter place{number} entrance{number} portal{number}?\n\n"
            f"Guests with a ticket of the colour shade{number} may do so.\n"
        )
    return folder


QUERY = "enter place3 portal3"


def found(collection):
    """What a search finds: the note that contains the words of the query comes first."""
    return [(hit.path, pytest.approx(hit.score)) for hit in collection.search(QUERY, k=3)]


@pytest.fixture
def notes(collection, tmp_path):
    collection.index(write_notes(tmp_path / "house"))
    return collection


def vectors_of(collection):
    with collection._store.reading() as connection:
        return dict(
            connection.execute("SELECT models.name, count(*) FROM vectors JOIN models "
                               "ON models.id = vectors.model_id GROUP BY 1").fetchall()
        )  # fmt: skip


def test_the_new_encoder_is_measured_and_used_at_once(notes, open_collection):
    pytest.importorskip("ir_measures")
    reader = open_collection(other=WordEncoder())
    reader.search("guests")
    new = SmallEncoder()
    report = notes.migrate(new)
    assert (report.old_model, report.new_model, report.switched) == ("words", "small", True)
    assert report.embedded == notes.status().passages == len(new.encoded)
    assert report.questions > 0
    assert report.before.keys() == report.after.keys() == report.p_values.keys()
    fresh = SmallEncoder().encode_queries([QUERY])
    (best,) = notes.search(QUERY, k=1)
    text = new.encoded[[best.text in each for each in new.encoded].index(True)]
    assert best.score == pytest.approx(
        float((fresh @ SmallEncoder().encode_queries([text]).T)[0, 0])
    )
    assert best.path == "3.txt"
    with pytest.raises(ModelError, match="small"):  # as after any change of the model
        reader.search("guests")
    again = notes.migrate(new)
    assert (again.switched, again.embedded) == (False, 0)


def test_a_collection_that_is_open_elsewhere_loads_the_new_encoder(tmp_path, monkeypatch):
    encoders = {"words": WordEncoder(), "small": SmallEncoder()}
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: encoders[spec.name])
    settings = Settings(passage_tokens=40, overlap=0.0, model="words")
    kit = tmp_path / "kit"
    with Collection(kit, settings=settings) as writer, Collection(kit, settings=SETTINGS) as reader:
        writer.index(write_notes(tmp_path / "house"))
        before = reader.search(QUERY, k=1)[0]
        assert writer.migrate("small").embedded == 24
        (after,) = reader.search(QUERY, k=1)
        assert after.path == before.path == "3.txt"
        assert after.score != before.score
        assert writer.migrate(rollback=True).new_model == "words"
        assert reader.search(QUERY, k=1)[0].score == pytest.approx(before.score)


def test_no_file_is_read_or_embedded_again_after_a_switch(notes):
    new = SmallEncoder()
    notes.migrate(new)
    encoded = len(new.encoded)
    report = notes.index()
    assert (report.unchanged, report.embedded, len(new.encoded)) == (24, 0, encoded)
    assert notes.status().pending == 0
    assert [entry.severity for entry in Collection.doctor(
        notes.folder, encoder=new, settings=SETTINGS).diagnoses if entry.severity != "ok"
        and entry.name in ("integrity", "vectors", "index_files", "model")] == []  # fmt: skip


def test_a_rollback_needs_only_what_has_changed_since(notes, encoder, tmp_path):
    before = found(notes)
    notes.migrate(SmallEncoder())
    (tmp_path / "house" / "new.md").write_text("A new room for guests.\n")
    notes.index()
    encoded = len(encoder.encoded)
    report = notes.migrate(encoder, rollback=True)
    assert (report.switched, report.embedded, report.new_model) == (True, 1, "words")
    assert len(encoder.encoded) == encoded + 1
    assert found(notes) == before
    assert notes.migrate(SmallEncoder(), rollback=True).new_model == "small"  # and back again


def test_a_worse_encoder_is_not_used_unless_forced(notes, tmp_path):
    pytest.importorskip("ir_measures")
    before = found(notes)
    report = notes.migrate(BlindEncoder())
    assert report.is_worse
    assert not report.switched
    assert found(notes) == before
    report = notes.migrate(BlindEncoder(), force=True)
    assert (report.switched, report.embedded) == (True, 0)


def test_a_failing_encoder_leaves_the_old_one_and_the_next_run_goes_on(notes, monkeypatch):
    monkeypatch.setattr("ragkit.ingest.embedding.MIN_JOB_TOKENS", 60)
    monkeypatch.setattr("ragkit.ingest.embedding.MAX_JOB_TOKENS", 60)
    before = found(notes)
    with pytest.raises(ModelError, match="the server is gone"):
        notes.migrate(BrokenEncoder())
    stored = vectors_of(notes).get("small", 0)
    assert found(notes) == before
    assert notes.status().pending == 0
    new = SmallEncoder()
    report = notes.migrate(new)
    assert report.switched
    assert report.embedded == len(new.encoded) == notes.status().passages - stored


def test_texts_that_came_meanwhile_are_embedded_before_the_switch(notes, tmp_path):
    with notes._store.writing() as connection:
        small = passages.save_model(connection, "small", "a" * 64, 32, 60)
    migrate.build_vectors(notes._store, small, SmallEncoder)
    (tmp_path / "house" / "new.md").write_text("A new room for guests.\n")
    notes.index()
    with pytest.raises(Exception, match="no vector of small yet"):
        migrate.switch(notes._store, small)
    assert notes.migrate(SmallEncoder()).embedded == 1


def test_what_makes_no_sense_is_an_error(collection, notes):
    with pytest.raises(UsageError, match="nothing to roll back"):
        notes.migrate(SmallEncoder(), rollback=True)
    notes.migrate(SmallEncoder())
    with pytest.raises(UsageError, match="not the encoder before"):
        notes.migrate(BlindEncoder(), rollback=True)


def test_an_empty_collection_has_nothing_to_migrate(collection):
    with pytest.raises(UsageError, match="is empty"):
        collection.migrate(SmallEncoder())


# Forks before any thread exists: each child is killed at its Nth transaction (the last of them just
# behind the switch), the next child looks at what is left, and the last one finishes the work.
_KILLS = """
import os, signal, sys, traceback
from pathlib import Path
import faiss, numpy, tantivy  # once, not in each child
from ragkit import Collection
from ragkit.ingest import embedding
from ragkit.storage.sqlite.database import Database
from tests.conftest import WordEncoder
from tests.maintenance.test_migrate import QUERY, SETTINGS, SmallEncoder, write_notes

embedding.MIN_JOB_TOKENS = embedding.MAX_JOB_TOKENS = 120
kit = Path(sys.argv[1])

def child(function):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def index():
    with Collection(kit, settings=SETTINGS, encoder=WordEncoder()) as collection:
        collection.index(write_notes(kit.parent / "house"))

def current():
    with Collection(kit, settings=SETTINGS, encoder=WordEncoder()) as collection:
        is_old = collection.fingerprint() == WordEncoder.fingerprint
    return WordEncoder() if is_old else SmallEncoder()

def look():
    with Collection(kit, settings=SETTINGS, encoder=current()) as collection:
        assert collection.search(QUERY, k=1)[0].path == "3.txt"
        assert collection.status().pending == 0

def migrate_and_die():
    left = int(os.environ["KILL_AT"])
    connect = Database._configure

    def configure(self, connection):
        def trace(statement):
            nonlocal left
            if statement.startswith(("COMMIT", "BEGIN IMMEDIATE")):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        connect(self, connection).set_trace_callback(trace)
        return connection

    Database._configure = configure
    with Collection(kit, settings=SETTINGS, encoder=current()) as collection:
        collection.migrate(SmallEncoder())

def finish():
    encoder = SmallEncoder()
    with Collection(kit, settings=SETTINGS, encoder=current()) as collection:
        report = collection.migrate(encoder)
        assert report.embedded == len(encoder.encoded)
        assert collection.fingerprint() == SmallEncoder.fingerprint
        assert collection.search(QUERY, k=1)[0].path == "3.txt"
        print(report.embedded, collection.status().passages)

assert child(index) == 0
for number in sys.argv[2].split(","):
    os.environ["KILL_AT"] = number
    assert child(migrate_and_die) == -signal.SIGKILL, number
    assert child(look) == 0, number
assert child(finish) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_instant_leaves_the_old_encoder_and_the_next_run_goes_on(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLS), str(tmp_path / "kit"), "4,12"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    embedded, count = map(int, process.stdout.split())
    assert embedded < count  # what was stored before the kills was not embedded again


def test_a_search_that_began_before_the_switch_gets_the_new_encoder(notes):
    old = notes._read(passages.model)
    new = SmallEncoder()
    assert notes.migrate(new, force=True).switched
    assert notes._encoders.load_encoder(old) is new
    notes._encoders.own_encoder = BlindEncoder()
    with pytest.raises(ModelError, match="made with the model small"):
        notes._encoders.load_encoder(old)
