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
    assert json.dumps(found) == (
        '{"dataset": "pets", "mode": "hybrid", "protocol": "beir", "queries": 1, '
        '"nDCG@10": 1.0, "MRR@10": 1.0, "R@10": 1.0, "R@100": 1.0}'
    )
    assert captured.err == ""
    assert re.fullmatch(r"(q Q0 [cd] [12] 0\.\d+ ragkit-hybrid\n){2}", run.read_text())


def test_people_get_two_lines(dataset, capsys):
    assert cli.main(["eval", str(dataset)]) == 0
    assert re.fullmatch(
        r"pets, dense, protocol collection, 1 query, \d+\.\d ms each\n"
        r"nDCG@10 1\.000  MRR@10 1\.000  R@10 1\.000  R@100 1\.000\n",
        capsys.readouterr().out,
    )


def test_a_run_that_cannot_be_written_is_an_error(dataset, capsys, tmp_path):
    assert cli.main(["eval", str(dataset), "--run", str(tmp_path / "no" / "run")]) == 2
    assert "cannot write" in capsys.readouterr().err
