"""`ragkit eval --self` as people and scripts meet it."""

import json

import pytest

from ragkit.evaluation import relevance
from tests.answers.chat_server import run_chat_server
from tests.evaluation.test_model_questions import TEXT
from tests.evaluation.test_relevance import write_sections

pytest.importorskip("ir_measures", reason='needs pip install "ragkit-search[eval]"')


@pytest.fixture
def house(run, tmp_path):
    (tmp_path / "house").mkdir()
    for number in range(8):
        text = (
            f"# The {'abcdefgh'[number]}room of the house\n\nOpen from {number} in the morning.\n\n"
            f"Who may enter this place number{number}?\n\n"
            f"Guests with a ticket of the colour shade{number} may do so.\n"
        )
        (tmp_path / "house" / f"{number}.md").write_text(text)
    assert run("init")[0] == 0
    assert run("index", "house")[0] == 0


def test_every_mode_has_its_measures(run, house):
    code, out, _ = run("eval", "--self")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].endswith("self-made questions (held out): " + lines[0].partition(": ")[2])
    assert [line for line in lines if line in ("dense", "lexical", "hybrid")] == [
        "dense", "lexical", "hybrid",
    ]  # fmt: skip
    found = json.loads(run("eval", "--self", "--mode", "lexical", "--json")[1])
    assert found["questions"] == sum(found["kinds"].values())
    (mode,) = found["modes"]
    low, high = mode["intervals"]["nDCG@10"]
    assert low <= mode["nDCG@10"] <= high


def test_two_ways_and_two_collections_are_compared(run, house):
    code, out, _ = run("eval", "--self", "--mode", "lexical", "--compare", "mode=lexical")
    assert code == 0
    assert "lexical → lexical (mode=lexical)" in out
    assert "0 improved in nDCG@10" in out
    changes = "mode=hybrid,fusion=rrf,collection=.ragkit"
    found = json.loads(run("eval", "--self", "--compare", changes, "--json")[1])
    assert found["compared"] == {"mode": "hybrid", "changes": changes}
    assert 0 <= found["differences"]["nDCG@10"]["p"] <= 1


def test_the_calibration_is_printed_once_it_is_stored(run, tmp_path, monkeypatch):
    monkeypatch.setattr(relevance, "MIN_QUESTIONS", 8)
    assert run("init")[0] == 0
    assert run("index", str(write_sections(tmp_path / "notes", 40)))[0] == 0
    assert run("judge", "word3x1", "3.txt", "--relevant")[0] == 0
    flags = ["eval", "--self", "--mode", "dense"]
    assert json.loads(run(*flags, "--json")[1])["calibration"] is None
    out = run(*flags, "--calibrate")[1]
    assert "probability that the best passage answers ↔ its cosine: 0.10 ↔ " in out
    assert run(*flags)[1] == out
    found = json.loads(run(*flags, "--json")[1])["calibration"]
    assert list(found["cosines"]) == ["0.10", "0.25", "0.50", "0.75", "0.90"]
    assert sorted(found["cosines"].values()) == list(found["cosines"].values())
    assert f"expected calibration error {found['expected_calibration_error']:.3f}" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--self", "set"], "without DATASET"),
        (["--self", "--protocol", "beir"], "without --protocol"),
        (["--self", "--compare", "model=x"], "ragkit migrate --model NAME"),
        (["--self", "--compare", "mode=none"], "expected mode=dense|lexical|hybrid"),
        (["set", "--calibrate"], "--calibrate needs --self"),
        (["set", "--png", "x.png"], "it needs --self"),
        (["--self", "--png", "missing/x.png"], "there is no folder"),
        (["--self", "--png", "x.png"], "calibrate first"),
        (["--self", "--calibrate", "--compare", "rerank"], "do not go together"),
        ([], "expected a DATASET"),
    ],
)
def test_arguments_that_make_no_sense_are_errors(run, house, arguments, message):
    code, _, error = run("eval", *arguments)
    assert code == 2
    assert message in error


def test_questions_of_a_language_model_are_measured(run, tmp_path, monkeypatch):
    (tmp_path / "house").mkdir()
    for number in range(8):
        (tmp_path / "house" / f"{number}.md").write_text(f"{TEXT} That is rule number{number}.")
    assert run("init")[0] == 0
    assert run("index", "house")[0] == 0
    code, _, err = run("eval", "--self", "--llm")
    assert (code, "RAGKIT_LLM_PRESET" in err) == (2, True)

    def reply(messages):
        number = messages[-1]["content"].partition("number")[2][0]
        return [f"What does colleague rule number{number} say", " about relatives?"]

    with run_chat_server(reply) as server:
        monkeypatch.setenv("RAGKIT_LLM_BASE_URL", server.url)
        monkeypatch.setenv("RAGKIT_LLM_MODEL", "asker")
        code, out, err = run("eval", "--self", "--llm", "--json")
        assert code == 0, err
        found = json.loads(out)
        asked = len(server.requests)
        assert found["kinds"]["model"] == 3
        run("eval", "--self", "--llm", "--compare", "mode=lexical", "--json")
        assert len(server.requests) == asked == 3  # those of the held-out half


def test_a_labelled_dataset_has_its_own_questions(run):
    code, _, err = run("eval", "somewhere", "--llm")
    assert (code, "--self" in err) == (2, True)
