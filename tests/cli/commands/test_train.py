"""`ragkit train`: output, messages, exit codes."""

import json
import re
from pathlib import Path

import pytest

from ragkit import cli
from tests.conftest import REPOSITORY
from tests.learning.conftest import base_folder, one_thread, pairs, scored_rows, write_rows  # noqa: F401

FAST = ("--batch-size", "8", "--dev-share", "0.2", "--evaluations", "3")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run_(*arguments):
        try:
            code = cli.main(arguments)
        except SystemExit as exit_:
            code = exit_.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_


def test_a_trained_model_can_be_used_for_indexing(run, pairs, base_folder, folder):  # noqa: F811
    code, out, err = run(
        "train", "pairs.jsonl", "-o", "mine", "--model", str(base_folder), "--pooling", "cls", *FAST
    )
    assert (code, err) == (0, "")
    first, second, third = out.splitlines()
    assert re.fullmatch(r"48 pairs, 6 steps in \d+ s", first)
    assert re.fullmatch(
        r"dev Spearman -?0\.\d{4} before, -?0\.\d{4} after \(step \d\), on 12 held-out pairs",
        second,
    )
    assert third == "mine; use it with: ragkit index --model mine FOLDER"
    (folder / "known.txt").write_text("the key rotates every week\n")
    code, _, err = run("-c", "kit", "index", "--model", "mine", str(folder))
    assert code == 0
    # The vocabulary of the tiny model has few of the words.
    assert "4 passages that" in err
    assert run("-c", "kit", "query", "the key", "--json")[0] == 0


def test_dimensions_are_numbers(run):
    code, _, err = run("train", "pairs.jsonl", "-o", "mine", "--dimensions", "192,half")
    assert (code, "expected numbers such as 192,96" in err) == (2, True)


def test_the_file_of_another_training_is_not_overwritten(run, folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    (tmp_path / "mine.pairs.jsonl").write_text("kept")
    run("-c", "kit", "index", str(folder))
    code, _, err = run("-c", "kit", "train", "--from-collection", "-o", "mine")
    assert (code, err.startswith("ragkit: mine already exists")) == (2, True)
    assert (tmp_path / "mine.pairs.jsonl").read_text() == "kept"
    code, _, err = run("-c", "kit", "train", "--from-collection", "-o", ".")
    assert (code, "expected the name of a new folder" in err) == (2, True)


def test_json_prints_the_report(run, pairs, base_folder):  # noqa: F811
    code, out, _ = run(
        "train", "pairs.jsonl", "-o", "mine", "--model", str(base_folder), *FAST, "--json"
    )
    report = json.loads(out)
    assert code == 0
    assert report == json.loads(Path("mine/report.json").read_text(encoding="utf-8"))
    assert (report["objective"], report["pooling"]) == ("cosine", "mean")


def test_decisions_and_skipped_lines_are_printed_on_stderr(run, tmp_path, base_folder):  # noqa: F811
    rows = [{**row, "score": 5 * row["score"]} for row in scored_rows(60)]
    del rows[6]["score"]
    write_rows(tmp_path / "pairs.jsonl", rows)
    code, _, err = run("train", "pairs.jsonl", "-o", "mine", "--model", str(base_folder), *FAST)
    assert code == 0
    assert err.splitlines()[:2] == [
        "ragkit: pairs.jsonl: scores range from 0 to 5; divided by 5",
        "ragkit: pairs.jsonl: 1 of 60 lines skipped: line 7: no score",
    ]


def test_ctrl_c_prints_how_to_resume_and_resuming_works(run, pairs, base_folder, monkeypatch):  # noqa: F811
    from ragkit.learning.training_monitor import TrainingMonitor

    record_loss = TrainingMonitor.record_loss

    def interrupted(self, step, loss):
        if step == 5:
            raise KeyboardInterrupt
        record_loss(self, step, loss)

    command = ("train", "pairs.jsonl", "-o", "mine", "--model", str(base_folder), *FAST)
    with monkeypatch.context() as patch:
        patch.setattr(TrainingMonitor, "record_loss", interrupted)
        code, out, err = run(*command)
    assert (code, out) == (130, "")
    expected = (
        "ragkit: interrupted; the checkpoint of step 4 is kept. Continue with the same command "
        "and --resume"
    )
    assert err.splitlines()[-1] == expected
    code, out, err = run(*command)
    assert (code, out) == (2, "")
    assert "at step 4: continue it with --resume, or start over with --force" in err
    code, out, err = run(*command, "--resume")
    assert (code, err.splitlines()[0]) == (0, "ragkit: resuming from step 4")
    assert out.startswith("48 pairs, 6 steps in ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.csv", "-o", "mine"), 2, "cannot read none.csv: No such file or directory"),
        (("pairs.jsonl",), 2, "the following arguments are required: -o/--output"),
        (("pairs.jsonl", "-o", "mine", "--pooling", "sum"), 2, "invalid choice: 'sum'"),
        (("pairs.jsonl", "-o", "mine", "--epochs", "0"), 2, "epochs is 0; expected 1 or more"),
        (("pairs.jsonl", "-o", "mine", "--model", "no/one", *FAST), 3, "no model 'no/one'"),
    ],
)
def test_wrong_arguments_and_missing_models_are_errors(run, pairs, arguments, code, message):  # noqa: F811
    exit_code, out, err = run("train", *arguments)
    assert (exit_code, out) == (code, "")
    assert message in err


def test_the_parser_has_the_same_choices_as_training():
    from ragkit.cli.arguments import train
    from ragkit.encoders.pooling import POOLINGS
    from ragkit.learning.labels import TARGET_COLUMNS
    from ragkit.learning.objectives import OBJECTIVES

    assert tuple(OBJECTIVES) == tuple(TARGET_COLUMNS) == train.OBJECTIVES
    assert tuple(POOLINGS) == train.POOLINGS


def test_the_training_page_names_options_that_exist():
    from ragkit.cli.arguments.parser import every_action, parser

    known = {option for action in every_action(parser()) for option in action.option_strings}
    named = set(re.findall(r"--[a-z][a-z-]+", (REPOSITORY / "docs" / "training.md").read_text()))
    assert len(named) > 10
    assert named - known == set()
