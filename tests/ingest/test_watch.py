"""Watching for changes, and waiting for another process that writes."""

import threading

import pytest

from ragkit.errors import BusyError
from ragkit.ingest import watch


@pytest.fixture(autouse=True)
def retry_at_once(monkeypatch):
    monkeypatch.setattr(watch, "RETRY_SECONDS", 0.001)


def test_a_busy_collection_is_retried_and_reported_once():
    outcomes = [BusyError("locked by 1"), BusyError("locked by 1"), "report"]
    notices = []

    def run():
        outcome = outcomes.pop(0)
        if isinstance(outcome, BusyError):
            raise outcome
        return outcome

    assert watch.retry_while_busy(run, notices.append) == "report"
    assert len(notices) == 1
    assert notices[0].startswith("locked by 1")


def test_no_retry_after_stop():
    stop = threading.Event()
    stop.set()
    assert watch.retry_while_busy(lambda: pytest.fail("it ran"), print, stop) is None


def test_other_errors_are_not_retried():
    def run():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        watch.retry_while_busy(run, print)


def test_watching_ends_when_stop_is_set(tmp_path):
    stop = threading.Event()
    stop.set()
    assert list(watch.watch_changes([tmp_path], tmp_path / ".ragkit", stop)) == []
