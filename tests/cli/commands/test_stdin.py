import io

import pytest


def test_a_dash_reads_the_question_from_stdin(run, collection_folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("parents at home?\n"))
    assert "leave.txt" in run("query", "-", "-k", "1")[1]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_query_of_100_kb_from_stdin(run, collection_folder, monkeypatch, mode):

    monkeypatch.setattr("sys.stdin", io.StringIO("parents at home " * 6250))
    code, out, err = run("query", "-", "-k", "1", "--mode", mode)
    assert (code, "leave.txt" in out, err.count("\n")) == (0, True, 1)
    assert "reads the first 60" in err
