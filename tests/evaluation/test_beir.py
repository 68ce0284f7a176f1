"""BEIR datasets and TREC run files, compared with ir_measures."""

import json
import math

import pytest

from ragkit.errors import UsageError
from ragkit.evaluation import beir

pytest.importorskip("ir_measures", reason='needs pip install "ragkit-search[eval]"')


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    corpus = [("a", "Cats", "They sleep."), ("b/1", "", "Dogs bark."), ("c", "", "")]
    rows = [json.dumps({"_id": i, "title": t, "text": x}) for i, t, x in corpus]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    queries = [{"_id": "q1", "text": "who sleeps"}, {"_id": "q2", "text": "nobody judged this"}]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\tc\t0\n")
    return folder


def test_only_judged_queries_are_read(dataset):
    labels = beir.read_dataset(dataset)
    assert labels.queries == {"q1": "who sleeps"}
    assert labels.qrels == {"q1": {"a": 2, "c": 0}}
    assert [document.id for document in labels.corpus()] == ["a", "b/1", "c"]


def test_measures_equal_those_worked_by_hand():
    qrels = {"q1": {"a": 3, "b": 1, "z": 0}, "q2": {"c": 1}}
    run = {"q1": {"z": 3.0, "b": 2.0, "a": 1.0}, "q2": {}}
    gain = 1 / math.log2(3) + 3 / math.log2(4)  # b second, a third, the grade as the gain
    best = 3 / math.log2(2) + 1 / math.log2(3)
    assert beir.compute_measures(qrels, run) == pytest.approx(
        {"nDCG@10": gain / best / 2, "MRR@10": 1 / 4, "R@10": 1 / 2, "R@100": 1 / 2}
    )


def test_a_run_is_read_back_by_a_trec_program(tmp_path):
    import ir_measures

    beir.write_run(tmp_path / "run", {"q1": {"a": 0.5, "b/1": 0.25}}, "me")
    assert (tmp_path / "run").read_text() == "q1 Q0 a 1 0.5 me\nq1 Q0 b/1 2 0.25 me\n"
    read_back = [(row.query_id, row.doc_id, row.score) for row in
             ir_measures.read_trec_run(str(tmp_path / "run"))]  # fmt: skip
    assert read_back == [("q1", "a", 0.5), ("q1", "b/1", 0.25)]


def test_ids_with_spaces_are_refused_in_a_run(tmp_path):
    with pytest.raises(UsageError, match="cannot contain the id"):
        beir.write_run(tmp_path / "run", {"q 1": {"a": 1.0}}, "me")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus.jsonl", '{"_id": "a", "text": "x"}\n{', "corpus.jsonl:2 is not JSON"),
        ("corpus.jsonl", "[]", "corpus.jsonl:1 is not a JSON object"),
        ("corpus.jsonl", '{"text": "x"}', "corpus.jsonl:1: _id is None"),
        ("corpus.jsonl", '{"_id": "a", "text": 7}', "corpus.jsonl:1: text is 7"),
        (
            "corpus.jsonl",
            '{"_id":"a","text":"x"}\n' * 2,
            "corpus.jsonl:2: the _id 'a' occurs twice",
        ),
        ("queries.jsonl", '{"_id": "q9", "text": "x"}', "judges the query 'q1'"),
        ("qrels/test.tsv", "q1\ta\n", "test.tsv:1 is 'q1\\\\ta'; expected query-id"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "contains no judgement"),
        ("qrels/test.tsv", "\xff\xfe", "is not UTF-8"),
    ],
)
def test_an_invalid_line_is_an_error_with_its_line_number(dataset, file, content, message):
    (dataset / file).write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError, match=message):
        list(beir.read_dataset(dataset).corpus())


def test_a_folder_without_the_files_is_not_a_dataset(tmp_path):
    with pytest.raises(UsageError, match=r"has no corpus.jsonl and no queries.jsonl and no qrels"):
        beir.read_dataset(tmp_path)
