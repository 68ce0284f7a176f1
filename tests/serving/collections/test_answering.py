"""Answers from several collections; tests/serving/api has them over HTTP."""

from dataclasses import replace

import pytest

from ragkit.errors import UsageError
from ragkit.records.answers import last_answer
from ragkit.serving.collections.answering import answer_stream, has_language_model
from tests.answers.chat_server import run_chat_server


@pytest.fixture
def both(make_library, folder):
    library = make_library(people=folder / "leave.txt", cats=folder / "sub")
    return [library["people"], library["cats"]]


def test_an_answer_has_sources_of_all_collections(both):
    answer = last_answer(answer_stream(both, "who may stay at home?", {"k": 4}))
    assert {hit.collection for hit in answer.hits} == {"people", "cats"}
    assert answer.citations[0].citation == "people:leave.txt#L1"


def test_warnings_name_no_server(both):
    with run_chat_server(lambda messages: []) as server:
        server.failures = [(404, {}, {"error": "no such model"})]
        first = both[0].collection
        first.settings = replace(first.settings, llm_base_url=server.url, llm_model="small")
        assert has_language_model(both[0])
        answer = last_answer(answer_stream(both, "who may stay at home?", {}))
    assert answer.warnings
    assert not any("127.0.0.1" in warning for warning in answer.warnings)


def test_a_format_needs_a_language_model(both):
    from ragkit.answers.model_output import OutputRequest

    assert not has_language_model(both[0])
    with pytest.raises(UsageError, match="no language model"):
        answer_stream(both, "who?", {}, output=OutputRequest(response_format={"type": "json"}))
