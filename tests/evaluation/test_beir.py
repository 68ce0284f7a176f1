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
    rankings = {"q1": ["z", "b", "a"]}
    gain = 1 / math.log2(3) + 3 / math.log2(4)  # b second, a third, the grade as the gain
    best = 3 / math.log2(2) + 1 / math.log2(3)
    found = beir.measure_queries(qrels, rankings)
    assert found == {
        "nDCG@10": pytest.approx([gain / best, 0]),
        "MRR@10": [0.5, 0],
        "R@10": [1, 0],
        "R@100": [1, 0],
        "MAP@100": pytest.approx([(1 / 2 + 2 / 3) / 2, 0]),
    }
    assert beir.mean_measures(found)["nDCG@10"] == pytest.approx(gain / best / 2)


def test_a_grade_below_0_counts_as_0():
    # TREC's web tracks judge spam with -2. trec_eval would give it a gain.
    ranked = {"q": ["spam", "a"]}
    with_spam = beir.measure_queries({"q": {"a": 1, "spam": -2}}, ranked)
    assert with_spam == beir.measure_queries({"q": {"a": 1, "spam": 0}}, ranked)
    assert with_spam["nDCG@10"] == pytest.approx([1 / math.log2(3)])


def test_the_ids_of_documents_do_not_change_the_measures():
    # Of equal scores trec_eval takes the higher id first, other programs the lower one.
    for first, second in (("a", "b"), ("b", "a"), ("10", "9"), ("ü x", "-1")):
        found = beir.measure_queries({"q": {first: 1}}, {"q": [second, first]})
        assert found["MRR@10"] == [0.5]
        assert found["MAP@100"] == [0.5]


def test_a_query_with_only_grades_of_0_counts_as_0():
    found = beir.measure_queries({"q": {"a": 0}, "r": {"a": 1}}, {"q": ["a"], "r": ["a"]})
    assert found["nDCG@10"] == [0, 1]
    assert beir.measure_queries({"q": {"a": 1}}, {})["R@100"] == [0]


def test_a_run_is_read_back_by_a_trec_program(tmp_path):
    import ir_measures

    beir.write_run(tmp_path / "run", {"q1": {"a": 0.5, "b/1": 0.25}}, "me")
    assert (tmp_path / "run").read_text() == "q1 Q0 a 1 0.5 me\nq1 Q0 b/1 2 0.25 me\n"
    read_back = [(row.query_id, row.doc_id, row.score) for row in
             ir_measures.read_trec_run(str(tmp_path / "run"))]  # fmt: skip
    assert read_back == [("q1", "a", 0.5), ("q1", "b/1", 0.25)]


def test_ids_with_white_space_are_percent_encoded_in_a_run(tmp_path):
    run = {"q 1": {"50%": 1.0, "50% off\tnow": 0.5, "a\u2028b": 0.25}}
    beir.write_run(tmp_path / "run", run, "me")
    assert (tmp_path / "run").read_text() == (
        "q%201 Q0 50% 1 1 me\nq%201 Q0 50%25%20off%09now 2 0.5 me\nq%201 Q0 a%E2%80%A8b 3 0.25 me\n"
    )


def test_gaps_are_counted_and_do_not_end_an_evaluation(dataset):
    with (dataset / "corpus.jsonl").open("a") as file:
        file.write('\n{"_id": "a", "text": "again"}')
    with (dataset / "queries.jsonl").open("a") as file:
        file.write('\n{"_id": "q1", "text": "again"}')
    with (dataset / "qrels" / "test.tsv").open("a") as file:
        file.write("q1\ta\t3\nq1\tgone\t1\nq9\ta\t1\nq1\tb/1\t-2\n")
    labels = beir.read_dataset(dataset)
    labels.count_gaps()
    assert labels.queries == {"q1": "who sleeps"}
    assert labels.qrels == {"q1": {"a": 3, "c": 0, "gone": 1, "b/1": -2}}
    assert [document.text for document in labels.corpus()] == ["They sleep.", "Dogs bark.", ""]
    assert sorted(labels.gap_lines()) == [
        "1 × grade below 0 (counts as 0)",
        "1 × judged document that corpus.jsonl lacks",
        "1 × judged query that queries.jsonl lacks",
        "1 × query without judgements (not measured)",
        "1 × repeated _id in corpus.jsonl (the first is used)",
        "1 × repeated _id in queries.jsonl (the first is used)",
        "1 × repeated judgement in qrels/test.tsv (the last one is used)",
    ]


def test_judgements_of_another_corpus_are_an_error(dataset):
    (dataset / "qrels" / "test.tsv").write_text("q1\tother\t1\n")
    with pytest.raises(UsageError, match=r"judges none of the documents of corpus\.jsonl"):
        beir.read_dataset(dataset).count_gaps()


def test_a_file_that_cannot_be_written_is_an_error_before_the_work(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        beir.check_writable(tmp_path / "no" / "run")
    with pytest.raises(UsageError, match="it is a folder"):
        beir.check_writable(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus.jsonl", '{"_id": "a", "text": "x"}\n{', "corpus.jsonl:2 is not JSON"),
        ("corpus.jsonl", "[]", "corpus.jsonl:1 is not a JSON object"),
        ("corpus.jsonl", '{"text": "x"}', "corpus.jsonl:1: _id is None"),
        ("corpus.jsonl", '{"_id": "a", "text": 7}', "corpus.jsonl:1: text is 7"),
        ("queries.jsonl", '{"_id": "q9", "text": "x"}', "judges none of the queries .* 'q1'"),
        ("qrels/test.tsv", "q1\ta\t1000000000\n", "the grade is 1000000000; expected 1000 at most"),
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
