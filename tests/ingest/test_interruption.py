"""Interrupted runs: no text is lost and the next run continues."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ragkit import Collection, Settings
from ragkit.errors import CollectionError


def many(folder, files=60):
    folder.mkdir(exist_ok=True)
    for number in range(files):
        (folder / f"{number:03}.txt").write_text(
            f"Document number{number} speaks of topic{number}."
        )
    return folder


class Breaking:
    """An encoder that raises an error after some calls."""

    def __init__(self, encoder, after, error):
        self._encoder, self._left, self._error = encoder, after, error

    def __getattr__(self, name):
        return getattr(self._encoder, name)

    def encode_passages(self, texts):
        self._left -= 1
        if self._left < 0:
            raise self._error
        return self._encoder.encode_passages(texts)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_text_is_stored_and_lexically_searchable_if_the_encoder_fails(
    open_collection, encoder, tmp_path, after, monkeypatch
):
    for bound in ("MIN_JOB_TOKENS", "MAX_JOB_TOKENS"):
        monkeypatch.setattr(f"ragkit.ingest.embedding.{bound}", 64)
    folder = many(tmp_path / "many")
    broken = open_collection(other=Breaking(encoder, after, RuntimeError("no more memory")))
    with pytest.raises(RuntimeError, match="no more memory"):
        broken.index(folder)
    status = broken.status()
    assert (status.passages, status.files) == (60, {"indexed": 60})
    assert 0 < status.pending <= 60
    resumed = open_collection()
    assert resumed.search("topic59", mode="lexical", k=1)[0].path == "059.txt"
    already = len(encoder.encoded)
    report = resumed.index()
    assert (report.unchanged, report.embedded) == (60, status.pending)
    assert resumed.status().pending == 0
    assert len(encoder.encoded) - already == report.embedded


def test_a_lexical_hit_without_a_stored_vector_has_its_cosine(open_collection, encoder, folder):
    broken = open_collection(other=Breaking(encoder, 0, RuntimeError("stop")))
    with pytest.raises(RuntimeError, match="stop"):
        broken.index(folder)
    collection = open_collection()
    (pending,) = collection.search("parents at home", k=1, mode="lexical")
    assert collection.search("parents at home", k=1) == []
    collection.index()
    (hit,) = collection.search("parents at home", k=1)
    assert pending.score == hit.score


SCRIPT = """
import os
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job of a shell
sys.path.insert(0, {tests!r})
from conftest import WordEncoder
from ragkit import Collection, Settings

class Slow(WordEncoder):
    def encode_passages(self, texts):
        import time
        os.write(1, b"embedding\\n")  # one write: two threads may encode at once
        time.sleep(0.05)
        return super().encode_passages(texts)

from ragkit.ingest import embedding
embedding.MIN_JOB_TOKENS = embedding.MAX_JOB_TOKENS = 64
with Collection({target!r}, encoder=Slow(), settings=Settings(passage_tokens=40)) as collection:
    try:
        collection.index({folder!r})
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize(
    ("sign", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)]
)
@pytest.mark.parametrize("steps", [1, 4])
def test_a_killed_run_is_resumed(tmp_path, encoder, sign, code, steps):
    folder, target = many(tmp_path / "many"), tmp_path / "kit"
    script = SCRIPT.format(
        tests=str(Path(__file__).parent.parent),
        target=str(target),
        folder=str(folder),
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with process:
        for _ in range(steps):
            assert process.stdout.readline() == "embedding\n"
        time.sleep(0.02)
        process.send_signal(sign)
    assert process.returncode == code
    with Collection(target, encoder=encoder, settings=Settings(passage_tokens=40)) as collection:
        embedded = collection.status().passages - collection.status().pending
        report = collection.index(folder)
        assert report.embedded == 60 - embedded
        for number in (0, 31, 59):
            query = f"topic{number}"
            assert collection.search(query, k=1)[0].path == f"{number:03}.txt"
            assert collection.search(query, k=1, mode="lexical")[0].path == f"{number:03}.txt"


def test_a_full_disk_keeps_committed_documents(open_collection, folder, tmp_path):
    collection = open_collection()
    collection.index(folder)
    with collection._store.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    limited = open_collection()
    connections = []

    def limit(connection, original=limited._store._configure):
        connection = original(connection)
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        connections.append(connection)
        return connection

    limited._store.close()
    limited._store._configure = limit
    (folder / "big.txt").write_text("\n\n".join(f"word{n} " * 30 for n in range(500)))
    with pytest.raises(CollectionError, match="the disk is full"):
        limited.index(folder)
    assert connections
    reopened = open_collection()
    assert reopened.search("parents at home", k=1)[0].path == "leave.txt"
    assert reopened.index(folder).added == 1
