"""The number of tokens given to an encoder at once, and the order of documents."""

import os
import threading
from types import SimpleNamespace

import pytest

from ragkit.ingest import embedding
from tests.conftest import WordEncoder
from tests.ingest.test_interruption import Breaking, many


class Timed(WordEncoder):
    """An encoder with a clock of its own, on which it encodes a given number of tokens a second."""

    def __init__(self, speed):
        super().__init__()
        self.speed, self.now, self.jobs = speed, 0.0, []

    def encode_passages(self, texts):
        self.jobs.append(sum(self.count_tokens(texts)))
        self.now += self.jobs[-1] / self.speed
        return super().encode_passages(texts)


@pytest.mark.parametrize(("speed", "largest"), [(10, 64), (100, 100), (10_000, 160)])
def test_a_job_is_sized_to_a_second_of_work_within_bounds(
    open_collection, tmp_path, monkeypatch, speed, largest
):
    encoder = Timed(speed)
    clock = SimpleNamespace(perf_counter=lambda: encoder.now)
    constants = {"time": clock, "WORKERS": 1, "MAX_PENDING_ROWS": 40}
    for name, value in {**constants, "MIN_JOB_TOKENS": 64, "MAX_JOB_TOKENS": 160}.items():
        monkeypatch.setattr(f"ragkit.ingest.embedding.{name}", value)
    folder = many(tmp_path / "many", 200)
    broken = open_collection(other=Breaking(encoder, 0, RuntimeError("stop")))
    with pytest.raises(RuntimeError, match="stop"):  # so that all of it waits
        broken.index(folder)
    open_collection(other=encoder).index()
    assert len(encoder.encoded) == 200
    assert encoder.jobs[0] <= 64  # before anything is known
    assert largest - 6 < max(encoder.jobs) <= largest  # a text has six tokens


def test_the_newest_files_and_the_shortest_paths_are_embedded_first(
    open_collection, tmp_path, monkeypatch
):
    """Files that are read while the first group is embedded are embedded by rank."""
    monkeypatch.setattr("ragkit.ingest.embedding.WORKERS", 1)
    monkeypatch.setattr("ragkit.ingest.embedding.MAX_PENDING_ROWS", 1)
    day = 86_400
    files = {
        "a/b/old.txt": 10 * day, "a/deep/er/new.txt": 50 * day + 900, "a/new.txt": 50 * day + 5,
        "b/middle.txt": 30 * day, "z.txt": 50 * day, "zz.txt": 50 * day + 1_000,
    }  # fmt: skip
    folder = tmp_path / "notes"
    for path, seconds in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"Text of {path.replace('/', ' ')}")
        os.utime(folder / path, (seconds, seconds))
    has_read_all = threading.Event()

    class Waiting(WordEncoder):
        def encode_passages(self, texts):
            assert has_read_all.wait(20)
            return super().encode_passages(texts)

    def notice(progress):
        if progress.files == len(files):
            has_read_all.set()

    encoder = Waiting()
    open_collection(other=encoder).index(folder, on_progress=notice)
    embedded = [text.partition("Text of ")[2] for text in encoder.encoded]
    running = embedding.MAX_RUNNING_JOBS  # jobs that may have been given away before
    expected = ["z.txt", "zz.txt", "a new.txt", "a deep er new.txt", "b middle.txt", "a b old.txt"]
    assert sorted(embedded) == sorted(expected)
    rest = embedded[running:]
    assert rest == [name for name in expected if name in rest]
