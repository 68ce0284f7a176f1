"""The curated table: what it says agrees with what ragkit knows of these models."""

from __future__ import annotations

import json

import pytest

from ragkit import cli
from ragkit.encoders.model_folder import family_prompts
from ragkit.encoders.spec import DEFAULT_MODEL, MULTILINGUAL_MODEL, expand_name
from ragkit.models.catalog import CATALOG


def test_the_default_and_the_multilingual_model_come_first() -> None:
    assert [model.name for model in CATALOG[:2]] == [DEFAULT_MODEL, MULTILINGUAL_MODEL]
    assert expand_name("multilingual") == MULTILINGUAL_MODEL
    assert len({model.name for model in CATALOG}) == len(CATALOG)


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name.replace("/", "-"))
def test_prompts_are_those_that_ragkit_adds(model) -> None:
    """A family's prompts are added where a folder has none."""
    known = family_prompts(model.name)
    assert known in (("", ""), (model.query_prompt, model.passage_prompt))


def test_known_models_as_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "--known"]) == 0
    output = capsys.readouterr()
    assert "intfloat/multilingual-e5-small" in output.out
    assert "BM25 alone: 39.8" in output.out
    assert cli.main(["models", "--known", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [model.name for model in CATALOG]
    results = "https://github.com/embeddings-benchmark/results/tree/main/results"
    assert rows[0]["source"] == f"{results}/sentence-transformers__all-MiniLM-L6-v2"
    assert rows[2]["source"] == f"{results}/MongoDB__mdbr-leaf-ir"
    assert all(row["source"] in output.out for row in rows)
    assert cli.main(["models", "--known", "--bench"]) == 2
