"""Records as JSON values."""

import json
from dataclasses import replace

import pytest

from ragkit.records.answers import Answer, Citation, Usage
from ragkit.serving.api import json_shapes


@pytest.fixture
def hit(collection, folder):
    collection.index(folder)
    return collection.search("who may stay at home?", k=1)[0]


def make_answer(hit, usage=None):
    citation = Citation(
        1, hit.passage_id, hit.path, None, 0, 7, "Parents", hit.citation, hit.title, None, 1, 1,
        False,
    )  # fmt: skip
    return Answer("Parents [1].", (citation,), True, (hit,), "m", usage=usage, question="who?")


def test_hits_of_an_answer_have_the_documented_fields_and_no_root(hit, folder):
    (fields,) = json_shapes.answer_fields(make_answer(hit))["hits"]
    assert {
        "rank", "score", "passage_id", "text", "path", "title", "heading", "page", "start_line",
        "end_line", "start", "end", "citation", "scores", "metadata", "stale",
    } <= fields.keys()  # fmt: skip
    assert "root" not in fields
    assert "explanation" not in fields
    assert str(folder.parent) not in json.dumps(fields)


def test_a_citation_names_its_document(hit):
    answer = make_answer(hit)
    assert json_shapes.cited_document_id(answer.citations[0], answer) == hit.document_id
    (citation,) = json_shapes.verdict_fields(answer)["citations"]
    assert (citation["document_id"], citation["quote"]) == (hit.document_id, "Parents")


def test_tokens_are_those_of_the_language_model_or_none(hit):
    usage = json_shapes.usage_fields(make_answer(hit, Usage(400, 7)))
    assert usage == {"prompt_tokens": 400, "completion_tokens": 7, "total_tokens": 407}
    assert set(json_shapes.usage_fields(make_answer(hit)).values()) == {0}


def test_attributes_keep_the_limits_of_openai(hit):
    numbers = {f"m{number}": number for number in range(20)}
    long_metadata = {"k" * 70: "v" * 600, **numbers}
    attributes = json_shapes.openai_attributes(replace(hit, metadata=long_metadata), {})
    assert len(attributes) == 16
    assert next(iter(attributes)) == "path"
    assert attributes["k" * 64] == "v" * 512
    assert "page" not in attributes
    file = {"type": "text/plain", "size": 7, "mtime": "2026-01-02T03:04:05"}
    attributes = json_shapes.openai_attributes(replace(hit, metadata={"path": "no"}), file)
    assert {name: attributes[name] for name in file} == file
    assert attributes["path"] == hit.path


def test_a_file_id_is_the_documents_id():
    assert json_shapes.file_id(7) == "file-7"
    assert json_shapes.file_id(None) == "file-0"
