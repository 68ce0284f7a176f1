"""Index runs in the background, of a stand-in collection and of a real one."""

import threading

import pytest

from ragkit.errors import BusyError, ModelError
from ragkit.serving.collections.indexing import IndexRuns


class Waiting:
    """A collection whose `index` waits until it is released, and then fails."""

    def __init__(self, error):
        self.error, self.started, self.release = error, threading.Event(), threading.Event()

    def index(self, paths, on_progress, wait=None):
        self.started.set()
        self.release.wait(60)
        raise self.error


def wait_for(runs, name):
    while (run := runs.latest(name)).state == "running":
        threading.Event().wait(0.01)
    return run


def test_a_collection_without_a_run_is_in_the_state_never():
    run = IndexRuns().latest("notes")
    assert (run.state, run.roots, run.report) == ("never", (), None)


def test_a_run_reports_the_counts_of_the_index(collection, folder):
    runs = IndexRuns()
    assert runs.start("notes", collection, {"notes": str(folder)}).state == "running"
    run = wait_for(runs, "notes")
    assert (run.state, run.roots, run.error) == ("done", ("notes",), None)
    assert (run.report["added"], run.report["failed"], run.embedded) == (3, 0, 4)


def test_a_second_run_is_refused_while_one_is_in_progress():
    runs, collection = IndexRuns(), Waiting(ModelError("x"))
    runs.start("one", collection, {"a": "/a"})
    assert collection.started.wait(60)
    with pytest.raises(BusyError, match="another index run"):
        runs.start("two", collection, {"b": "/b"})
    collection.release.set()
    wait_for(runs, "one")


@pytest.mark.parametrize("error", [ModelError("/srv/model"), ValueError("/srv/notes")])
def test_a_failed_run_names_no_folder(error):
    runs, collection = IndexRuns(), Waiting(error)
    collection.release.set()
    runs.start("notes", collection, {"a": "/a"})
    run = wait_for(runs, "notes")
    assert run.state == "failed"
    assert "/srv" not in run.error


def test_a_run_stops_at_its_next_progress_report_when_the_server_stops(collection, folder):
    runs, reached, release = IndexRuns(), threading.Event(), threading.Event()
    index = collection.index

    class Paused:
        def index(self, paths, on_progress, wait=None):
            def report(progress):
                reached.set()
                release.wait(60)
                on_progress(progress)

            return index(paths, on_progress=report, wait=wait)

    runs.start("notes", Paused(), {"notes": str(folder)})
    assert reached.wait(60)
    threading.Timer(0.05, release.set).start()
    runs.close()
    assert runs.latest("notes").state == "stopped"
    with pytest.raises(BusyError):
        runs.start("notes", collection, {"notes": str(folder)})
