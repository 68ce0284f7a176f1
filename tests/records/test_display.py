"""How records display in a console, in a notebook and in pandas."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from ragkit.records.answers import Answer
from ragkit.records.documents import Document, Passage
from ragkit.records.hits import hit_fields
from ragkit.records.text import shorten

EVIL = "<script>alert(1)</script> & \"quoted\" <img src=x onerror='x'>"


@pytest.fixture
def hits(collection, folder):
    collection.index(folder)
    return collection.search("keys in the vault", k=3)


def test_reprs_are_one_short_line(hits, collection):
    hit = replace(hits[0], text="Keys\nare kept. " * 1000)
    assert repr(hit).startswith(f"Hit(1, {hit.score:.2f}, '{hit.citation}', 'Keys are kept. Keys")
    assert repr(replace(hit, score=None)).startswith("Hit(1, None, ")
    document = Document("text " * 1000, "text/plain", title="Title")
    assert repr(document).startswith("Document(text/plain, 'Title', 5,000 characters, 'text text")
    assert repr(Passage(3, 9, "words " * 99, (), "", 7)).startswith("Passage(3-9, 7 tokens, 'words")
    answer = collection.ask("keys in the vault", llm=False)
    assert repr(answer).startswith("Answer('")
    for value in (hit, document, answer):
        assert len(repr(value)) < 200
        assert "\n" not in repr(value)
    assert repr(collection) == f"Collection({str(collection.folder)!r})"


@pytest.mark.parametrize("text", ["", "short", "x" * 50, "x" * 51, "a\nb\tc", "y " * 400])
def test_a_shortened_text_fits_and_says_that_something_is_missing(text):
    shown = shorten(text)
    assert len(shown) <= 50
    assert ("…" in shown) == (" ".join(text.split()) != shown)


def test_hits_are_a_list_a_table_and_rows(hits):
    assert isinstance(hits, list)
    assert hits == list(hits)
    assert json.loads(json.dumps(hits.to_dicts())) == json.loads(
        json.dumps([hit_fields(hit) for hit in hits])
    )
    assert hits[0].to_dict() == hits.to_dicts()[0]
    assert hits._repr_html_().count("<tr>") == 1 + len(hits)


def test_nothing_of_a_document_is_markup_in_a_notebook(hits, collection):
    evil = replace(hits[0], text=EVIL, heading=(EVIL,), citation=f"{EVIL}#L1")
    answer = collection.ask("Who keeps the private part in a vault?", llm=False)
    hostile = replace(
        answer,
        text=EVIL,
        citations=tuple(replace(c, quote=EVIL, citation=EVIL) for c in answer.citations),
    )
    for html in (evil._repr_html_(), type(hits)([evil])._repr_html_(), hostile._repr_html_()):
        tags = set(re.findall(r"<(\w+)", html))
        assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "code", "br", "p", "ol", "li"}
        assert "&lt;script&gt;" in html
        assert "onerror='" not in html


def test_to_pandas_has_a_row_for_each_hit_and_citation(hits, collection):
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = hits.to_pandas()
    assert list(frame["citation"]) == [hit.citation for hit in hits]
    assert list(frame.columns) == list(hits.to_dicts()[0])
    answer = collection.ask("keys in the vault", llm=False)
    assert len(answer.to_pandas()) == len(answer.citations)
    assert isinstance(answer, Answer)
    assert answer.to_dict()["text"] == answer.text


def test_without_pandas_the_extra_is_named():
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "from ragkit.records.display import Hits\n"
        "Hits().to_pandas()"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert 'UnavailableError: to_pandas needs pandas: pip install "ragkit-search[pandas]"' in (
        process.stderr
    )
