"""Threads of an index run, also where the system refuses them."""

import threading

import pytest

from ragkit.errors import UnavailableError
from ragkit.ingest.threads import start_thread


def test_a_started_thread_does_its_work():
    done = threading.Event()
    start_thread("work", done.set).join()
    assert done.is_set()


@pytest.mark.parametrize("refused", [1, 2, 3])
def test_an_index_run_without_enough_threads_says_so_and_can_be_repeated(
    collection, folder, monkeypatch, refused
):
    real_start, started = threading.Thread.start, []

    def start(thread):
        if thread.name.startswith("ragkit-"):
            started.append(thread)
            if len(started) == refused:
                raise RuntimeError("can't start new thread")
        real_start(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    if refused != 2:  # one embedding thread is enough
        with pytest.raises(UnavailableError, match="run the same command again"):
            collection.index(folder)
    else:
        assert collection.index(folder).embedded == 4
    for thread in started[: refused - 1]:
        thread.join(10)
        assert not thread.is_alive()
    monkeypatch.setattr(threading.Thread, "start", real_start)
    collection.index(folder)
    assert collection.status().pending == 0
    assert collection.search("parents at home", k=1)[0].path == "leave.txt"
