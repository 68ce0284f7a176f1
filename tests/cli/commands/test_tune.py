"""`ragkit tune` as people and scripts meet it."""

import json

import pytest

from tests.maintenance.test_migrate import BlindEncoder
from tests.maintenance.test_tune import write_pages


@pytest.fixture
def encoder():
    return BlindEncoder()


@pytest.fixture
def pages(run, tmp_path):
    pytest.importorskip("ir_measures")
    write_pages(tmp_path / "pages", copied="abcde")
    assert run("init")[0] == 0
    assert run("index", str(tmp_path / "pages"))[0] == 0


def test_a_better_mode_is_used_until_it_is_undone(run, pages, monkeypatch):
    code, out, error = run("tune")
    assert code == 0
    assert "questions to choose by" in out
    assert "used from now on" in out
    assert "mode = lexical: nDCG@10 0." in error
    (hit,) = json.loads(run("query", "ask7a ask7b", "-k", "1", "--json")[1])
    assert hit["path"] == "7.txt"
    monkeypatch.setenv("RAGKIT_MODE", "dense")  # what the user says counts, also the default
    (hit,) = json.loads(run("query", "ask7a ask7b", "-k", "1", "--json")[1])
    assert hit["scores"]["lexical"] is None
    monkeypatch.delenv("RAGKIT_MODE")
    assert json.loads(run("tune", "--undo", "--json")[1])["undone"] is True
    (hit,) = json.loads(run("query", "ask7a ask7b", "-k", "1", "--json")[1])
    assert hit["scores"]["lexical"] is None
    code, _, error = run("tune", "--undo")
    assert code == 2
    assert "nothing to undo" in error


def test_what_makes_no_sense_is_an_error(run, tmp_path):
    assert run("init")[0] == 0
    code, _, error = run("tune")
    assert code == 2
    assert "is empty" in error
    assert run("tune", "--undo", "--reranker", "x")[0] == 2
