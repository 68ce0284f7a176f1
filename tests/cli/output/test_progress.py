import io

import pytest

from ragkit.cli.output.progress import progress
from ragkit.ingest.writer import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nothing_is_printed_without_a_terminal(capsys):
    with progress() as show:
        show(Progress(1, 2, 3, 4, 5.0))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("embedded", [0, 25])
def test_a_terminal_shows_files_passages_and_speed(monkeypatch, embedded):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress() as show:
        show(Progress(8, 10, embedded, 75, 5.0))
    shown = terminal.getvalue()
    assert "8/10" in shown
    assert f"{embedded}/{embedded + 75}" in shown
    if embedded:  # 25 in 5 s: 5/s, and 75 more take 15 s
        assert "5/s" in shown
        assert "0:00:15 left" in shown
