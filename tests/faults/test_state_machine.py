"""Any sequence of changes to files, index runs, searches and restarts, against a plain model.

The model is two dicts: the files on the disk, and the files as of the last index run. Every search
is compared with NumPy over the texts of the model; the database is read with plain sqlite3.
"""

from __future__ import annotations

import gc
import re
import shutil
import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ragkit import Collection, Settings
from tests.faults import checker
from tests.faults.fake_encoder import FakeEncoder, vector_of

# No stop words, and none that a stemmer would join with another.
WORDS = ("falcon", "granit", "kosmos", "lumen", "nimbus", "quartz", "tundra", "vortex")
NAMES = st.sampled_from([f"{folder}{name}" for folder in ("", "in/", "in/deep/") for name in (
    "a.txt", "b.txt", "c.md", "ü.txt")])  # fmt: skip
PARAGRAPHS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join)
TEXTS = st.lists(PARAGRAPHS, min_size=1, max_size=3).map(lambda parts: "\n\n".join(parts) + "\n")
QUERIES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True)
FILTERS = {  # expression → which paths match
    None: lambda path: True,
    'path ~ "in/**"': lambda path: path.startswith("in/"),
    "type = md": lambda path: path.endswith(".md"),
    'not path ~ "in/**"': lambda path: not path.startswith("in/"),
    'path = "a.txt"': lambda path: path == "a.txt",
}
SETTINGS = Settings(passage_tokens=40, overlap=0.0)


class CollectionMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ragkit-machine-"))
        self.source, self.kit = self.folder / "source", self.folder / "kit"
        self.source.mkdir()
        self.disk: dict[str, str] = {}
        self.indexed: dict[str, str] = {}
        self.collection: Collection | None = None
        self.descriptors = count_descriptors()
        self.notices: list[str] = []

    @initialize()
    def open(self) -> None:
        """Begin with a file, so that there is a root."""
        self.collection = self.opened()
        self.write("first.txt", "falcon lumen\n")
        self.index()

    def opened(self) -> Collection:
        return Collection(
            self.kit, settings=SETTINGS, encoder=FakeEncoder(), notify=self.notices.append
        )

    # Files

    def write(self, path: str, text: str) -> None:
        target = self.source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        self.disk[path] = text

    @rule(path=NAMES, text=TEXTS)
    def add_or_change(self, path: str, text: str) -> None:
        self.write(path, text)

    @precondition(lambda self: self.disk)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.disk)))
        (self.source / path).unlink()
        del self.disk[path]

    @precondition(lambda self: self.disk)
    @rule(data=st.data(), place=NAMES)
    def move(self, data: st.DataObject, place: str) -> None:
        path = data.draw(st.sampled_from(sorted(self.disk)))
        (self.source / place).parent.mkdir(parents=True, exist_ok=True)
        (self.source / path).replace(self.source / place)
        self.disk[place] = self.disk.pop(path)

    # Index runs

    @rule()
    def index(self) -> None:
        self.run(self.collection)

    @rule()
    def rebuild(self) -> None:
        self.run(self.collection, rebuild=True)

    @rule()
    def another_process_indexes(self) -> None:
        """As another process: with connections, locks and caches of its own."""
        with self.opened() as other:
            self.run(other)

    def run(self, collection: Collection, *, rebuild: bool = False) -> None:
        report = collection.index(self.source, prune=True, rebuild=rebuild)
        before, self.indexed = self.indexed, dict(self.disk)
        assert report.failed == report.skipped == 0
        counted = report.added + report.updated + report.unchanged + report.moved
        assert counted == len(self.disk)
        assert report.added + report.moved >= len(self.indexed.keys() - before.keys())
        gone = len(before.keys() - self.indexed.keys())
        assert report.removed <= gone <= report.removed + report.moved
        if before == self.indexed and not rebuild:
            assert (report.unchanged, report.removed, report.embedded) == (len(self.disk), 0, 0)
        contents = checker.read(self.kit)
        assert checker.problems_of_state(contents, self.indexed) == []
        assert report.passages == len(contents.passages)

    # Restarts

    @rule()
    def close(self) -> None:
        """Calls after `close` open the connections again."""
        self.collection.close()

    @rule()
    def reopen(self) -> None:
        self.collection.close()
        self.collection = self.opened()

    @rule()
    def lose_the_index_files(self) -> None:
        """They are rewritten from the database."""
        self.collection.close()
        for path in self.kit.iterdir():
            if path.name.startswith(("vectors-", "words-")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.collection = self.opened()

    # Searches

    @rule(words=QUERIES, where=st.sampled_from(list(FILTERS)))
    def search(self, words: list[str], where: str | None) -> None:
        contents = checker.read(self.kit)
        spans = [span for span in contents.passages if FILTERS[where](span.path)]
        query = " ".join(words)
        cosines = {
            (span.path, span.start): float(vector_of(span.embedded) @ vector_of(query))
            for span in spans
        }
        with_words = {(span.path, span.start) for span in spans if set(words) & tokens(span)}
        for mode in ("dense", "lexical", "hybrid"):
            hits = self.collection.search(query, k=500, mode=mode, where=where)
            places = [(hit.path, hit.start) for hit in hits]
            assert len(set(places)) == len(places), mode
            assert set(places) == (with_words if mode == "lexical" else set(cosines)), mode
            for hit in hits:
                text = self.indexed[hit.path]
                assert hit.text == text[hit.start : hit.end]
                assert hit.start_line == text.count("\n", 0, hit.start) + 1
                assert hit.stale == (self.disk.get(hit.path) != text)
                np.testing.assert_allclose(hit.score, cosines[hit.path, hit.start], atol=2e-6)
            if mode == "dense":
                scores = [hit.score for hit in hits]
                assert scores == sorted(scores, reverse=True)
                (best,) = self.collection.search(query, k=1, where=where) or [None]
                assert (best is None) == (not spans)
                assert best is None or best.score >= max(cosines.values()) - 2e-6

    @rule()
    def list_documents(self) -> None:
        entries = self.collection.documents()
        assert {entry.path for entry in entries} == set(self.indexed)
        for entry in entries:
            assert self.collection.document(entry.id)[1] == self.indexed[entry.path]
        status = self.collection.status()
        assert (status.documents, status.pending) == (len(self.indexed), 0)

    @invariant()
    def the_database_is_sound(self) -> None:
        if not self.kit.exists():
            return
        with closing(sqlite3.connect(self.kit / "ragkit.db")) as connection:
            assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"

    @invariant()
    def descriptors_do_not_pile_up(self) -> None:
        """A database, its log and shared memory, and the files of three indexes."""
        assert count_descriptors() <= self.descriptors + 60

    def teardown(self) -> None:
        if self.collection is not None:
            self.collection.close()
        self.collection = None
        gc.collect()
        try:
            assert count_descriptors() <= self.descriptors + 2
            assert threading.active_count() < 20
            assert [n for n in self.notices if "missing" not in n] == []
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def tokens(span: checker.Span) -> set[str]:
    return set(re.findall(r"\w+", span.embedded.lower()))


def count_descriptors() -> int:
    """Return the number of open file descriptors; 0 where the system does not list them."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_any_sequence_of_changes_and_searches() -> None:
    run_state_machine_as_test(
        CollectionMachine,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,  # no test asserts a time
            suppress_health_check=list(HealthCheck),
        ),
    )
