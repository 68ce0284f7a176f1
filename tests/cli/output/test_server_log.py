import logging

import pytest

from ragkit.cli.output import server_log
from ragkit.errors import UsageError


def messages():
    logging.getLogger("ragkit.server").info("GET '/v1/health' 200 1 ms")
    logging.getLogger("ragkit").warning("a warning\nof two lines\x1b[2J")


@pytest.mark.parametrize("verbose", [False, True])
def test_stderr_has_warnings_and_requests_if_verbose(capsys, verbose):
    with server_log.server_log(verbose=verbose, file=None):
        messages()
    expected = "ragkit: GET '/v1/health' 200 1 ms\n" if verbose else ""
    assert capsys.readouterr().err == f"{expected}ragkit: a warning\n  of two lines␛[2J\n"
    messages()  # afterwards there is nothing left of it
    assert logging.getLogger("ragkit.server").level == logging.NOTSET
    assert not logging.getLogger("ragkit").handlers


def test_the_file_has_both_and_is_rotated(tmp_path, monkeypatch):
    monkeypatch.setattr(server_log, "MAX_BYTES", 500)
    monkeypatch.setattr(server_log, "BACKUPS", 2)
    path = tmp_path / "ragkit.log"
    with server_log.server_log(verbose=False, file=str(path)):
        for _ in range(50):
            messages()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "ragkit.log", "ragkit.log.1", "ragkit.log.2"
    ]  # fmt: skip
    text = (tmp_path / "ragkit.log.1").read_text(encoding="utf-8")
    assert len(text) <= 600
    assert "INFO GET '/v1/health' 200 1 ms" in text
    assert "WARNING a warning\n  of two lines␛[2J" in text


def test_a_file_that_cannot_be_written_is_reported(tmp_path):
    with pytest.raises(UsageError, match="cannot write to --log-file"):  # noqa: SIM117
        with server_log.server_log(verbose=False, file=str(tmp_path / "no" / "such.log")):
            pass
