"""`ragkit eval` as scripts and people meet it."""

import json
import re

import pytest

from ragkit import cli

pytest.importorskip("ir_measures", reason='needs pip install "ragkit-search[eval]"')


@pytest.fixture
def dataset(tmp_path, monkeypatch, encoder):
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    folder = tmp_path / "pets"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(
        '{"_id": "c", "text": "cats"}\n{"_id": "d", "text": "dogs"}'
    )
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "cats"}')
    (folder / "qrels/test.tsv").write_text("q\tc\t1\n")
    return folder


def test_json_is_the_contract_s_shape(dataset, capsys, tmp_path):
    run = tmp_path / "run.txt"
    flags = ["--mode", "hybrid", "--protocol", "beir", "--run", str(run), "--json"]
    assert cli.main(["eval", str(dataset), *flags]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found.pop("ms_per_query") > 0
    intervals = found.pop("intervals")
    assert found.pop("gaps") == []
    assert json.dumps(found) == (
        '{"dataset": "pets", "mode": "hybrid", "protocol": "beir", "queries": 1, '
        '"nDCG@10": 1.0, "MRR@10": 1.0, "R@10": 1.0, "R@100": 1.0, "MAP@100": 1.0}'
    )
    assert intervals["nDCG@10"] == [1.0, 1.0]
    assert captured.err == ""
    assert re.fullmatch(r"(q Q0 [cd] [12] 0\.\d+ ragkit-hybrid\n){2}", run.read_text())


def test_people_get_a_line_for_each_measure(dataset, capsys):
    assert cli.main(["eval", str(dataset)]) == 0
    assert re.fullmatch(
        r"pets, dense, protocol collection, 1 query, \d+\.\d ms each\n"
        r"nDCG@10  1\.000  \[1\.000, 1\.000\]\nMRR@10   1\.000  .*\nR@10     1\.000  .*\n"
        r"R@100    1\.000  .*\nMAP@100  1\.000  .*\n",
        capsys.readouterr().out,
    )


def test_two_ways_are_compared(dataset, capsys, tmp_path):
    run = tmp_path / "run.txt"
    flags = ["--compare", "mode=lexical,protocol=beir", "--run", str(run)]
    assert cli.main(["eval", str(dataset), *flags]) == 0
    out = capsys.readouterr().out
    assert "pets, dense, protocol collection" in out
    assert "pets, lexical, protocol beir" in out
    assert "nDCG@10  1.000 → 1.000  +0.000 [+0.000, +0.000]  p = 1.0000  not significant" in out
    assert "0 improved in nDCG@10\n0 got worse in nDCG@10\n" in out
    assert "ragkit-dense" in run.read_text()
    assert cli.main(["eval", str(dataset), *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["compared"]["mode"] == "lexical"
    assert found["differences"]["MRR@10"]["significant"] is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("mode=lexicall", "--compare: mode"),
        ("modes=lexical", "did you mean mode?"),
        ("fast", "expected NAME=VALUE of a setting, or rerank"),
        ("protocol=trec", "expected one of collection, beir"),
    ],
)
def test_a_change_that_makes_no_sense_is_an_error(dataset, capsys, changes, message):
    assert cli.main(["eval", str(dataset), "--compare", changes]) == 2
    assert message in capsys.readouterr().err


def test_ids_with_white_space_are_measured_and_written(dataset, capsys, tmp_path):
    (dataset / "qrels" / "test.tsv").write_text("a query\tc\t1\n")
    (dataset / "queries.jsonl").write_text('{"_id": "a query", "text": "cats"}')
    run = tmp_path / "run.txt"
    assert cli.main(["eval", str(dataset), "--run", str(run)]) == 0
    assert "nDCG@10  1.000" in capsys.readouterr().out
    assert run.read_text().startswith("a%20query Q0 c 1 ")


def test_gaps_of_a_dataset_are_reported(dataset, capsys):
    with (dataset / "qrels" / "test.tsv").open("a") as file:
        file.write("q\tgone\t1\nother\tc\t1\n")
    assert cli.main(["eval", str(dataset)]) == 0
    error = capsys.readouterr().err
    assert "1 × judged document that corpus.jsonl lacks" in error
    assert "1 × judged query that queries.jsonl lacks" in error
    assert cli.main(["eval", str(dataset), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["gaps"]) == 2


def test_a_run_that_cannot_be_written_is_an_error(dataset, capsys, tmp_path):
    assert cli.main(["eval", str(dataset), "--run", str(tmp_path / "no" / "run")]) == 2
    assert "cannot write" in capsys.readouterr().err
