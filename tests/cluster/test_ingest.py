"""A whole run in this process: the same collection as by `index_shards`, resumed after losses."""

import os
from pathlib import Path

import pytest

from ragkit import Collection
from ragkit.cluster import ingest
from ragkit.cluster.writers import ShardWriter
from ragkit.errors import BusyError, CollectionError, UnavailableError, UsageError
from ragkit.maintenance.sharded_index import ShardedIndexOptions
from ragkit.storage.lock import writer_lock
from tests.cluster import fake_ray

pytest.importorskip("pyarrow")
REPORT = ("added", "updated", "unchanged", "moved", "removed", "failed", "skipped", "passages",
          "embedded", "reused", "tokens", "truncated_tokens", "coverage")  # fmt: skip


@pytest.fixture
def handles(monkeypatch):
    return fake_ray.install(monkeypatch)


@pytest.fixture
def run(handles, tmp_path, folder, collection, encoder):
    """A function that runs `ragkit index --on ray`; returns the report."""
    notices = []

    def index(paths=folder, shards=3, **options):
        named = [paths] if isinstance(paths, str | Path) else paths
        return ingest.index(
            tmp_path / "cluster", ShardedIndexOptions(paths=named, shards=shards, **options),
            collection.settings, encoder, notices.append,
        )  # fmt: skip

    index.notices = notices
    return index


@pytest.fixture
def expected(tmp_path, folder, collection, encoder):
    """A function that runs `ragkit index --shards` on another collection."""

    def index(paths=folder, shards=3, **options):
        return Collection.index_shards(
            tmp_path / "here", paths, shards=shards, settings=collection.settings,
            encoder=encoder, **options,
        )  # fmt: skip

    return index


def rankings(folder, collection, encoder):
    with Collection(folder, settings=collection.settings, encoder=encoder) as opened:
        return [
            (hit.citation, hit.scores)
            for mode in ("dense", "lexical", "hybrid")
            for query in ("who may stay at home?", "rotate keys", "night")
            for hit in opened.search(query, mode=mode)
        ]


def counts(report):
    return {name: getattr(report, name) for name in REPORT}


def test_the_same_report_and_the_same_hits_after_adds_changes_and_deletes(
    run, expected, folder, tmp_path, collection, encoder, handles
):
    def check():
        assert counts(run()) == counts(expected())
        found, wanted = (
            rankings(tmp_path / name, collection, encoder) for name in ("cluster", "here")
        )
        assert found == wanted != []
        assert all(handle.is_killed for handle in handles)

    check()
    check()  # nothing changed
    (folder / "dogs.txt").write_text("Dogs bark at night.\n")
    (folder / "empty.txt").write_text("")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (folder / "leave.txt").write_text("Parents may stay at home for a whole year.\n")
    check()
    (folder / "sub" / "cats.txt").unlink()
    (folder / "dogs.txt").rename(folder / "hounds.txt")
    check()


def test_an_unchanged_file_is_not_opened(run, folder, monkeypatch):
    for path in filter(Path.is_file, folder.rglob("*")):
        os.utime(path, ns=(0, 10**18))  # stamps of a moment ago would not be trusted
    run()
    opened = []

    def dataset(self, blocks, *rest):
        opened.extend(block.done.result() for block in blocks)
        return fake_ray.Dataset(lambda: iter(()))

    monkeypatch.setattr(ingest.ClusterIndex, "_dataset", dataset)
    assert run().unchanged == 3
    assert opened == []  # and Ray Data is not started


def test_files_of_a_block_that_was_lost_are_read_at_the_end(run, expected, monkeypatch):
    monkeypatch.setattr(
        ingest.ClusterIndex, "_dataset", lambda self, *rest: fake_ray.Dataset(lambda: iter(()))
    )
    report = run()
    assert counts(report) == counts(expected())
    assert report.added == 3


@pytest.mark.parametrize("method", ["save_results", "save_vectors", "complete"])
def test_a_run_goes_on_after_a_writer_was_lost(
    run, expected, handles, monkeypatch, method, tmp_path, collection, encoder
):
    real, lost = getattr(ShardWriter, method), []

    def lose_once(self, *arguments):
        result = real(self, *arguments)
        if not lost:
            lost.append(self._number)
            handles[self._number].lose()
        return result

    monkeypatch.setattr(ShardWriter, method, lose_once)
    real_map = fake_ray.Dataset.map_batches

    def map_batches(self, function, **options):  # a block whose writer was lost is dropped
        made = real_map(self, function, **options)
        inner = made._batches

        def batches():
            iterator = inner()
            while True:
                try:
                    yield next(iterator)
                except StopIteration:
                    return
                except CollectionError:
                    return

        return fake_ray.Dataset(batches)

    monkeypatch.setattr(fake_ray.Dataset, "map_batches", map_batches)
    report = run()
    wanted = expected()
    assert lost != []
    assert (report.passages, report.failed) == (wanted.passages, 0)
    assert any("a writer was lost" in line for line in run.notices)
    found, here = (rankings(tmp_path / name, collection, encoder) for name in ("cluster", "here"))
    assert found == here != []
    again = run()
    assert (again.unchanged, again.embedded, again.added) == (3, 0, 0)


def test_writers_that_are_always_lost_end_the_run(run, handles, monkeypatch):
    def lose(self):
        handles[-1].lose()

    monkeypatch.setattr(ShardWriter, "complete", lose)
    monkeypatch.setattr(ShardWriter, "has_plan", lambda self: False)
    with pytest.raises(UnavailableError, match="lost in each of 5 passes; what was read is kept"):
        run()


def test_another_run_is_busy_and_wrong_input_writes_nothing(run, tmp_path, folder):
    with pytest.raises(UsageError, match="no file or folder at"):
        run(folder / "none")
    with pytest.raises(UsageError, match="expected 1 to 4,096"):
        run(shards=0)
    with pytest.raises(UsageError, match="--dry-run needs no cluster"):
        run(dry_run=True)
    assert not (tmp_path / "cluster" / "manifest.json").exists()
    run()
    work = tmp_path / "cluster" / "work"
    with writer_lock(work, "another"), pytest.raises(BusyError, match="another"):
        run(wait=0)


@pytest.mark.parametrize(
    ("cpus", "gpus", "embedders", "options"),
    [
        (1, 0, 1, {"num_cpus": 0.5}),
        (8, 0, 8, {"num_cpus": 0.5}),
        (16, 2, 2, {"num_gpus": 1}),
        (0, 0, 1, {"num_cpus": 0.5}),  # a cluster that starts its nodes when they are needed
    ],
)
def test_embedding_actors_of_half_of_the_cluster_fit_on_the_other_half(
    cpus, gpus, embedders, options
):
    cluster = ingest.Cluster(cpus, gpus)
    assert (cluster.embedders, cluster.embedder_options()) == (embedders, options)
