"""`ragkit config`."""

import json
from dataclasses import fields

from ragkit import Settings


def test_every_setting_is_shown_with_its_origin(run, tmp_path, monkeypatch):
    (tmp_path / "ragkit.toml").write_text("top_k = 7\nmode = 'hybrid'\n")
    monkeypatch.setenv("RAGKIT_TOP_K", "5")
    code, output, errors = run("config", "--json")
    assert (code, errors) == (0, "")
    rows = json.loads(output)
    assert list(rows) == [field.name for field in fields(Settings)]
    assert rows["top_k"] == {"value": 5, "origin": "the environment"}
    assert rows["mode"] == {"value": "hybrid", "origin": str(tmp_path / "ragkit.toml")}
    assert rows["overlap"] == {"value": 0.15, "origin": "default"}
    lines = [line.split() for line in run("config")[1].splitlines()]
    assert ["top_k", "5", "the", "environment"] in lines
    assert ["model", "-", "default"] in lines


def test_a_variable_that_is_nearly_a_setting_is_refused(run, monkeypatch):
    monkeypatch.setenv("RAGKIT_MDOEL", "mine")
    code, _, errors = run("config")
    assert code == 2
    assert "RAGKIT_MDOEL is no setting; did you mean RAGKIT_MODEL?" in errors
    monkeypatch.delenv("RAGKIT_MDOEL")
    monkeypatch.setenv("RAGKIT_OF_ANOTHER_PROGRAM", "x")
    assert run("config")[0] == 0
