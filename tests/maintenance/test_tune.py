"""Tuning of a collection: what is better is used at once, can be undone, and survives a kill."""

import functools
import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from ragkit import Collection, Settings
from ragkit.errors import CollectionError, UsageError
from ragkit.maintenance import tune
from ragkit.models import tuned
from ragkit.storage.sqlite.question_sources import PassageSpan, SourceDocument
from tests.conftest import REPOSITORY, WordEncoder
from tests.maintenance.test_migrate import BlindEncoder

pytest.importorskip("ir_measures", reason='needs pip install "ragkit-search[eval]"')
SETTINGS = Settings(passage_tokens=200, overlap=0.0)
DEFAULTS = Settings(overlap=0.0)


class SynonymEncoder(WordEncoder):
    """Reads "ask7" and "say7" as the same word, and of a text the last 112 words alone: so the
    beginning of a passage of 200 tokens is lost, that of one of 120 is not."""

    name = "synonyms"
    fingerprint = "c" * 64
    window = 240

    def _vector(self, text):
        words = re.findall(r"\w+", text.lower())[-112:]
        total = sum(map(direction, words), start=np.full(self.dimension, 1e-3))
        return total / np.linalg.norm(total)


@functools.cache
def direction(word):
    word = re.sub(r"^(?:ask|say)(?=\d)", "", word)
    return np.random.default_rng(list(word.encode())).standard_normal(WordEncoder.dimension)


def write_pages(folder, count=48, *, copied="", letters="abcdefgh"):
    """Pages of one passage each at the default size. The first sentence has no word of the rest;
    what means the same is followed by much else.
    Words with the letters in `copied` are in the rest, too."""
    folder.mkdir()
    for number in range(count):
        asked = " ".join(f"ask{number}{letter}" for letter in letters)
        said = " ".join(
            f"{'ask' if letter in copied else 'say'}{number}{letter}" for letter in letters
        )
        noise = [f"noise{(number * 37 + 11 * place) % 997}" for place in range(180)]
        lines = (" ".join(noise[start : start + 12]) for start in range(0, 180, 12))
        rest = ". ".join(line.capitalize() for line in lines)
        (folder / f"{number}.txt").write_text(
            f"{asked.capitalize()}. {said.capitalize()}. {rest}.\n"
        )
    return folder


@pytest.fixture
def pages(tmp_path):
    write_pages(tmp_path / "pages")
    with Collection(tmp_path / "kit", settings=DEFAULTS, encoder=SynonymEncoder()) as collection:
        collection.index(tmp_path / "pages")
        yield collection


def sizes(collection):
    with collection._store.reading() as connection:
        return [row[0] for row in connection.execute("SELECT tokens FROM passages ORDER BY id")]


def found(collection, query="say7a say7b say7c"):
    return [(hit.path, hit.start, hit.end) for hit in collection.search(query, k=3)]


def test_smaller_passages_are_built_beside_and_undone(pages, tmp_path, monkeypatch):
    before, old = found(pages), sizes(pages)
    pages.judge("who?", "3.txt", relevant=True)
    taken_over = tune.take_over

    def take_over(store, copy):
        assert (found(pages), sizes(pages)) == (before, old)  # until this moment
        pages.judge("when?", "4.txt", relevant=True)  # by another process
        taken_over(store, copy)

    monkeypatch.setattr(tune, "take_over", take_over)
    trials = []
    report = pages.tune(on_trial=trials.append)
    assert report.changes == {"passage_tokens": 120}
    assert report.applied
    assert report.after["nDCG@10"] > report.before["nDCG@10"]
    assert report.p_values["nDCG@10"] < 0.05
    assert [trial.changes for trial in report.trials if trial.adopted] == [report.changes]
    assert len(trials) == len(report.trials)
    assert len(sizes(pages)) > len(old)
    assert max(sizes(pages)) < 140
    assert found(pages)[0][0] == "7.txt"
    assert {judgement.path for judgement in pages.judgements()} == {"3.txt", "4.txt"}
    assert pages.index().unchanged == 48  # later runs cut in the same way
    (tmp_path / "pages" / "new.txt").write_text("word " * 200)
    pages.index()
    assert max(sizes(pages)) < 140
    assert [
        entry.found
        for entry in Collection.doctor(
            pages.folder, encoder=SynonymEncoder(), settings=DEFAULTS
        ).diagnoses
        if entry.severity != "ok" and entry.name in ("integrity", "vectors", "index_files")
    ] == []
    monkeypatch.setattr(tune, "take_over", taken_over)
    assert pages.tune(undo=True).undone
    (tmp_path / "pages" / "new.txt").unlink()
    pages.index()
    assert sorted(sizes(pages)) == sorted(old)
    assert found(pages) == before
    with pytest.raises(UsageError, match="nothing to undo"):
        pages.tune(undo=True)
    assert not list((tmp_path / "kit").glob("tun*"))


def test_another_mode_counts_where_the_user_has_said_nothing(tmp_path):
    write_pages(tmp_path / "pages", copied="abcde")
    kit = tmp_path / "kit"
    with Collection(kit, settings=SETTINGS, encoder=BlindEncoder()) as collection:
        collection.index(tmp_path / "pages")
        ids = [hit.passage_id for hit in collection.search("ask7a ask7b", mode="lexical")]
        report = collection.tune()
        assert report.changes["mode"] in ("lexical", "hybrid")
        assert report.applied
        assert collection.effective_settings().mode == report.changes["mode"]
        assert collection.search("ask7a ask7b", k=1)[0].path == "7.txt"
        assert collection.search_options({}).mode == report.changes["mode"]
        assert collection.search_options({"mode": "dense"}).mode == "dense"
        again = [hit.passage_id for hit in collection.search("ask7a ask7b", mode="lexical")]
        assert set(ids) <= set(again) or report.changes.keys() & {"passage_tokens"}
    with Collection(
        kit, settings=SETTINGS, encoder=BlindEncoder(), chosen_settings=["mode"]
    ) as collection:
        assert collection.search_options({}).mode == "dense"
        collection.tune(undo=True)
    with Collection(kit, settings=SETTINGS, encoder=BlindEncoder()) as collection:
        assert collection.search_options({}).mode == "dense"


def test_what_the_user_has_set_is_not_tried(tmp_path):
    write_pages(tmp_path / "pages", copied="abcde")
    with Collection(
        tmp_path / "kit", settings=DEFAULTS, encoder=BlindEncoder(),
        chosen_settings=["mode", "passage_tokens"],
    ) as collection:  # fmt: skip
        collection.index(tmp_path / "pages")
        report = collection.tune()
    assert (report.trials, report.applied) == ((), False)  # it would not count
    assert report.not_tried[:2] == (
        "mode: your settings have a value", "passage_tokens: your settings have a value",
    )  # fmt: skip


def test_nothing_is_used_without_a_gain(tmp_path):
    """Questions that nothing can find: no setting is better than another."""
    write_pages(tmp_path / "pages")
    with Collection(tmp_path / "kit", settings=SETTINGS, encoder=BlindEncoder()) as collection:
        collection.index(tmp_path / "pages")
        report = collection.tune()
        assert (report.changes, report.applied) == ({}, False)
        assert report.train_questions + report.questions == 48
        assert "your settings name none" in report.not_tried[-1]
        assert collection._read(tuned.load) == tuned.TunedSettings()


def test_a_reranker_is_tried_where_the_user_names_one(tmp_path):
    class Reranker:
        name = "reader"

        def scores(self, query, passages):
            words = set(re.findall(r"\d+[a-h]", query))
            return [float(len(words & set(re.findall(r"\d+[a-h]", text)))) for text in passages]

    write_pages(tmp_path / "pages", letters="abcdef")
    with Collection(
        tmp_path / "kit", settings=DEFAULTS, encoder=SynonymEncoder(), reranker=Reranker()
    ) as collection:
        collection.index(tmp_path / "pages")
        report = collection.tune()
        assert report.changes.get("rerank") is True
        assert collection.search_options({}).rerank
        assert not collection.search_options({"rerank": False}).rerank
    with Collection(tmp_path / "kit", settings=DEFAULTS, encoder=SynonymEncoder()) as collection:
        assert not collection.search_options({}).rerank  # none is named


def test_too_few_questions_are_said(collection, folder):
    collection.index(folder)
    report = collection.tune()
    assert not report.applied
    assert report.not_tried == ("anything: fewer than 20 questions of each half can be made",)


def test_an_empty_collection_has_nothing_to_tune(collection):
    with pytest.raises(UsageError, match="is empty"):
        collection.tune()


def test_a_document_is_rebuilt_with_its_sections():
    text = "# A\n\nOne two.\n\n## B\n\nThree four.\n\n# C\n\nFive."
    headings = {0: ("A",), 15: ("A", "B"), 34: ("C",)}
    source = SourceDocument(
        1, "a.md", "text/markdown", "", None, text,
        tuple(PassageSpan(at, at, at + 10, path) for at, path in headings.items()),
    )  # fmt: skip
    document = tune.rebuild_document(source, [(5, 13)])
    assert document.text == text.replace("One two.", "        ")
    assert [(each.start, each.level, each.text) for each in document.headings] == [
        (0, 1, "A"), (15, 2, "B"), (34, 1, "C"),
    ]  # fmt: skip


def test_a_copy_that_cannot_be_read_changes_nothing(pages, tmp_path):
    before = found(pages)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "ragkit.db").write_bytes(b"no database")
    with pytest.raises(CollectionError, match="cannot be changed"):
        tune.take_over(pages._store, tmp_path / "broken")
    assert found(pages) == before


def test_what_changed_after_an_interruption_stays(pages, tmp_path, monkeypatch):
    def interrupt(store, copy):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tune, "take_over", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pages.tune()
    (tmp_path / "empty").mkdir()
    pages.index(tmp_path / "empty")  # a root without a passage
    assert pages.tune().applied
    assert pages.status().roots == (str(tmp_path / "empty"), str(tmp_path / "pages"))


# Forks before any thread exists. A child is killed at its Nth transaction, or in the middle of the
# switch; the next one looks at what is left, and the last one finishes the work.
_KILLS = """
import os, signal, sys, traceback
from pathlib import Path
import faiss, numpy, tantivy  # once, not in each child
from ragkit import Collection
from ragkit.models import tuned
from ragkit.storage.sqlite import transfer
from ragkit.storage.sqlite.database import Database
from tests.maintenance.test_tune import DEFAULTS, SynonymEncoder, found, sizes, write_pages

kit = Path(sys.argv[1])

def child(function, *arguments):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function(*arguments)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def opened(encoder=None):
    return Collection(kit, settings=DEFAULTS, encoder=encoder or SynonymEncoder())

def index():
    with opened() as collection:
        collection.index(write_pages(kit.parent / "pages"))
        print(repr((found(collection), sizes(collection))), file=open(kit.parent / "was", "w"))

def look():
    with opened() as collection:
        now = repr((found(collection), sizes(collection)))
        assert now == open(kit.parent / "was").read().strip()
        assert collection._read(tuned.load) == tuned.TunedSettings()

def tune_and_die(at):
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    if at == "switch":
        replace_rows = transfer.replace_rows
        def replace_and_die(*arguments, **options):
            replace_rows(*arguments, **options)
            die()  # before the commit
        transfer.replace_rows = replace_and_die
    else:
        left = int(at)
        connect = Database._configure
        def configure(self, connection):
            def trace(statement):
                nonlocal left
                if statement.startswith(("COMMIT", "BEGIN IMMEDIATE")):
                    left -= 1
                    if left == 0:
                        die()
            connect(self, connection).set_trace_callback(trace)
            return connection
        Database._configure = configure
    with opened() as collection:
        collection.tune()

def finish():
    encoder = SynonymEncoder()
    with opened(encoder) as collection:
        report = collection.tune()
        assert report.changes == {"passage_tokens": 120} and report.applied
        assert max(sizes(collection)) < 140
        assert not list((Path(os.environ["RAGKIT_CACHE_DIR"])).glob("tune-*"))
        print(len(encoder.encoded))

assert child(index) == 0
for at in sys.argv[2].split(","):
    assert child(tune_and_die, at) == -signal.SIGKILL, at
    assert child(look) == 0, at
assert child(finish) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_instant_changes_nothing_and_the_next_run_goes_on(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLS), str(tmp_path / "kit"), "30,switch"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={**os.environ, "RAGKIT_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) == 0  # all of it was embedded before the last kill
