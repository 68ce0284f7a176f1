"""Runs `ragkit …` in this process, with the tests' encoder."""

import pytest

from ragkit import cli


@pytest.fixture
def run(monkeypatch, capsys, encoder, tmp_path):
    """Run `ragkit …` in `tmp_path` with the tests' encoder; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    monkeypatch.setenv("COLUMNS", "80")

    def run_(*arguments):
        try:
            code = cli.main(arguments)
        except SystemExit as exit_:
            code = exit_.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_


@pytest.fixture
def collection_folder(run, folder):
    """A local collection of the three notes."""
    assert run("init")[0] == 0
    assert run("index", str(folder))[0] == 0
    return folder.parent / ".ragkit"
