"""`ragkit migrate` as people and scripts meet it."""

import json
import re

import pytest

from tests.maintenance.test_migrate import BlindEncoder, SmallEncoder, write_notes

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
