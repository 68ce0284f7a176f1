"""`ragkit migrate` as people and scripts meet it."""

import json
import re

import pytest

from tests.maintenance.test_migrate import BlindEncoder, SmallEncoder, write_notes
from tests.maintenance.test_tune import write_pages

ENCODERS = {"small": SmallEncoder(), "blind": BlindEncoder()}


@pytest.fixture
def notes(run, tmp_path, monkeypatch, encoder):
    assert run("init")[0] == 0
    assert run("index", str(write_notes(tmp_path / "house")))[0] == 0
    monkeypatch.setattr(
        "ragkit.encoders.resolve.load", lambda spec: ENCODERS.get(spec.name, encoder)
    )


def test_the_model_is_changed_and_changed_back(run, notes):
    code, out, _ = run("migrate", "--model", "small")
    assert code == 0
    assert "words → small: 24 texts embedded in" in out
    assert run("migrate", "--model", "small")[1] == "small is the model of the collection already\n"
    assert run("query", "place3 portal3", "-k", "1")[0] == 0
    report = json.loads(run("migrate", "--rollback", "--json")[1])
    assert (report["new_model"], report["switched"], report["embedded"]) == ("words", True, 0)


def test_a_worse_model_is_not_used(run, notes):
    pytest.importorskip("ir_measures")
    code, out, error = run("migrate", "--model", "blind")
    assert code == 3
    assert re.match(r"dense search on \d+ self-made questions \(held out\)\nnDCG@10 ", out)
    assert "blind is significantly worse" in error
    assert "--force" in error
    assert run("migrate", "--model", "blind", "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name one with --model NAME"),
        (["--rollback"], "nothing to roll back"),
        (["--rollback", "--model", "small"], "takes no --model"),
    ],
)
def test_what_is_missing_is_named(run, notes, arguments, message):
    code, _, error = run("migrate", *arguments)
    assert code == 2
    assert message in error


@pytest.fixture
def pages(run, tmp_path, monkeypatch):
    """A collection whose encoder knows nothing of the words, so other modes are better."""
    pytest.importorskip("ir_measures")
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: BlindEncoder())
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


def test_an_empty_collection_is_not_tuned(run):
    assert run("init")[0] == 0
    code, _, error = run("tune")
    assert code == 2
    assert "is empty" in error
    assert run("tune", "--undo", "--reranker", "x")[0] == 2
    assert run("tune", "--undo", "--train")[0] == 2
