"""`ragkit embed` and `ragkit similarity` on the tiny model: streams, shapes, exit codes."""

import io
import json
import re

import numpy as np
import pytest

from ragkit import cli
from ragkit.encoders.resolve import load
from tests.encoders.conftest import _tiny, tiny  # noqa: F401 - fixtures

LONG = "the " * 40 + "key"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path, tiny):  # noqa: F811
    """Run a command with the tiny model; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAGKIT_MODEL", str(tiny))

    def run_(*arguments, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            code = cli.main(arguments)
        except SystemExit as exit_:
            code = exit_.code
        return code, *capsys.readouterr()

    return run_


def test_embed_shows_a_person_whose_vector_it_is_and_how_it_begins(run):
    code, out, err = run("embed", "the key", "every week")
    assert (code, err) == (0, "")
    first, second, third, *rest = out.splitlines()
    assert (first, second) == (
        "the key",
        "  32 dimensions, length 1.00; mean of 4 tokens, layers last",
    )
    assert re.fullmatch(r"  ([+-]0\.\d{4} ){6}…", third)
    assert rest[0] == "every week"


def test_embed_as_json(run, tiny):  # noqa: F811
    code, out, err = run("embed", "the key", "--pooling", "max", "--layers", "mean(-2:)", "--json")
    assert (code, err) == (0, "")
    (entry,) = json.loads(out)
    vector = entry.pop("vector")
    expected = load(str(tiny)).embed(["the key"], "max", "mean(-2:)")[0]
    np.testing.assert_allclose(vector, expected, atol=1e-6)
    assert entry == {
        "text": "the key", "model": str(tiny), "pooling": "max", "layers": "mean(-2:)",
        "tokens": ["[CLS]", "the", "key", "[SEP]"], "unread_tokens": 0,
    }  # fmt: skip


def test_embed_a_word_at_each_place(run):
    code, out, _ = run("embed", "--word", "key", "the key rotates the key", "--json")
    found = [(each["word"], each["start"], each["tokens"]) for each in json.loads(out)]
    assert (code, found) == (0, [("key", 4, ["key"]), ("key", 20, ["key"])])
    code, out, err = run("embed", "--word", "key", "KEYS")
    assert (code, out.splitlines()[0]) == (0, "KEY at 0 of: KEYS")
    assert err == "ragkit: “KEY” occurs only inside “KEYS” in “KEYS”\n"


def test_embed_from_stdin_and_from_a_file(run, tmp_path):
    assert run("embed", "-", stdin="the key\n rotates")[1].startswith("the key rotates\n")
    (tmp_path / "texts").write_text("the key\n\nthe \0 bank\n")
    code, out, err = run("embed", "--file", "texts", "--json")
    assert [each["text"] for each in json.loads(out)] == ["the key", "the \0 bank"]
    assert (code, err) == (0, "ragkit: 1 empty line of texts left out\n")
    assert len(json.loads(run("embed", "--file", "-", "--json", stdin="a\nb")[1])) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["embed"], "give texts, or a file"),
        (["embed", "the key", "--file", "x"], "give texts, or a file"),
        (["embed", ""], "text 1 is empty"),
        (["embed", "the key", " \t"], "text 2 is empty"),
        (["embed", "--file", "nowhere"], "cannot read nowhere: No such file"),
        (["embed", "--file", "-"], "- has no text"),
        (["embed", "the key", "--layers", "9"], "the model has 3 layers"),
        (["embed", "the key", "--pooling", "sum"], "invalid choice: 'sum'"),
        (["embed", "the key", "--word", "kez"], "the nearest word is “key”"),
        (["similarity"], "give two texts, or a file"),
        (["similarity", "a"], "1 texts; expected two"),
        (["similarity", "a", ""], "text 2 is empty"),
        (["similarity", "a", "b", "--pairs", "x"], "give two texts, or a file"),
        (["similarity", "--pairs", "nowhere"], "cannot read nowhere"),
        (["similarity", "--pairs", "x", "--word", "key"], "--word needs two texts"),
    ],
)
def test_wrong_usage_says_what_was_expected(run, arguments, told):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_model_that_is_not_there_is_another_exit_code_with_the_ways_to_one(run):
    code, out, err = run("embed", "the key", "--model", "/nowhere")
    assert (code, out) == (3, "")
    first, *ways = err.splitlines()
    assert first == "ragkit: no model folder '/nowhere'."
    assert len(ways) == 4
    assert all(way.startswith("  ") for way in ways)  # no line of them passes for a message
    assert "\u240a" not in err


@pytest.mark.parametrize("command", [("embed", "-"), ("embed", "--file", "-"), ("query", "-")])
def test_bytes_at_standard_input_that_are_no_text(run, monkeypatch, capsys, command):
    wrong = io.TextIOWrapper(io.BytesIO(b"key \xff"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", wrong)
    assert cli.main(command) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "ragkit: standard input is not UTF-8 text (byte 4)\n")


def test_no_control_character_of_a_text_reaches_the_terminal(run, tmp_path):
    (tmp_path / "pairs.tsv").write_text("sentence1\tsentence2\nkey\x1b[2J\tweek\n")
    printed = [
        run("embed", "the \x1b[2J key"),
        run("embed", "the \x1b[2J key", "--word", "\x1b[2J key"),
        run("similarity", "a\x1bb", "a\x1bb a\x1bb", "--word", "a\x1bb"),
        run("similarity", "--pairs", "pairs.tsv"),
    ]
    assert [code for code, *_ in printed] == [0] * 4
    assert not any("\x1b" in out + err for _, out, err in printed)
    assert all("\u241b" in out for _, out, _ in printed)


def test_the_model_is_that_of_the_collection_that_is_named(run, tmp_path, monkeypatch, tiny):  # noqa: F811
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("the key rotates every week")
    run("-c", "notes", "index", "docs", "--dimensions", "8")
    monkeypatch.setenv("RAGKIT_MODEL", "/nowhere")
    (whole,) = load(str(tiny)).embed(["the key"])
    expected = whole[:8] / np.linalg.norm(whole[:8])
    for arguments in (["-c", "notes", "embed", "the key"], ["embed", "the key", "-c", "notes"]):
        (entry,) = json.loads(run(*arguments, "--json")[1])
        np.testing.assert_allclose(entry["vector"], expected, atol=1e-6)
    (word,) = json.loads(run("embed", "the key", "--word", "key", "-c", "notes", "--json")[1])
    assert len(word["vector"]) == 8
    assert np.linalg.norm(word["vector"]) == pytest.approx(1, abs=1e-6)
    (entry,) = json.loads(run("embed", "a", "-c", "notes", "--model", str(tiny), "--json")[1])
    assert len(entry["vector"]) == 32
    assert run("similarity", "a", "b", "-c", "none")[0] == 3


def test_a_server_s_model_shows_no_layers(run, monkeypatch, tiny):  # noqa: F811
    monkeypatch.setenv("RAGKIT_BASE_URL", "http://127.0.0.1:9/v1")  # never asked
    monkeypatch.setenv("RAGKIT_MODEL", "embedder")
    code, out, err = run("embed", "the key")
    assert (code, out) == (2, "")
    assert "embedder at http://127.0.0.1:9/v1 runs on a server" in err
    assert run("embed", "the key", "--model", str(tiny))[0] == 0


@pytest.mark.parametrize("text", ["👍🏽", "a\ud800b", "x" * 1_000_000])
def test_odd_texts(run, text):
    code, out, err = run("embed", text, "--json")
    assert (code, err.count("\n"), "cannot read 1 text" in err) == (0, 1, True)
    assert np.linalg.norm(json.loads(out)[0]["vector"]) == pytest.approx(1, abs=1e-5)
    assert run("similarity", text, text)[1] == "1.0000\n"


def test_what_the_window_cuts_off_is_counted(run):
    code, out, err = run("embed", LONG, "--json")
    assert (code, json.loads(out)[0]["unread_tokens"]) == (0, 11)
    assert "1 text longer than the 32 tokens that" in err
    assert "11 tokens not read" in err
    assert "11 tokens not read" in run("similarity", LONG, "the key")[2]


def test_a_text_that_the_model_cannot_read_is_told(run):
    for arguments in (["embed", "พนักงาน"], ["similarity", "พนักงาน", "the key"]):
        code, out, err = run(*arguments)
        assert (code, bool(out)) == (0, True)
        assert "cannot read 1 text: most of the words are not in its vocabulary" in err
        assert "first “พนักงาน”" in err


def test_similarity_of_two_texts(run, tiny):  # noqa: F811
    first, second = load(str(tiny)).embed(["the key", "the bank"])
    code, out, err = run("similarity", "the key", "the bank")
    assert (code, err) == (0, "")
    assert float(out) == pytest.approx(first @ second, abs=1e-4)
    out = run("similarity", "the key", "the bank", "--json")[1]
    assert json.loads(out) == {"similarity": pytest.approx(float(first @ second), abs=1e-6)}


def test_similarity_of_a_word_in_two_texts(run, tiny):  # noqa: F811
    encoder = load(str(tiny))
    texts = ("the bank", "the bank . the river bank")
    one, (first, second) = (encoder.embed_words(text, "bank") for text in texts)
    code, out, _ = run("similarity", *texts, "--word", "bank")
    assert code == 0
    expected = [f"{one[0].vector @ each.vector:.4f}" for each in (first, second)]
    assert [line.split("  ")[0] for line in out.splitlines()] == expected
    found = json.loads(run("similarity", *texts, "--word", "bank", "--json")[1])
    assert found["similarity"] == found["occurrences"][0]["similarity"]
    assert [each["second"]["start"] for each in found["occurrences"]] == [4, 21]


def test_similarity_of_a_file_of_pairs(run, tmp_path):
    lines = ["the key\tthe key\t5", "the key\tthe bank\t3", "key\triver\t0", "broken"]
    (tmp_path / "p.tsv").write_text("\n".join(lines))
    code, out, err = run("similarity", "--pairs", "p.tsv", "--json")
    found = json.loads(out)
    assert (code, list(found)) == (0, ["pairs", "pearson", "spearman", "seconds"])
    assert (found["pairs"], found["spearman"]) == (3, pytest.approx(1))
    assert err.startswith("ragkit: p.tsv, line 4: 1 of 3 fields")
    out = run("similarity", "--pairs", "p.tsv")[1]
    assert re.fullmatch(r"3 pairs: Pearson 0\.\d{4}, Spearman 1\.0000 in \d+\.\d s\n", out)


def test_pairs_without_scores_are_shown_each(run, tmp_path):
    rows = [{"sentence1": "the key", "sentence2": each} for each in ("the key", "the bank")]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, out, err = run("similarity", "--pairs", "p.jsonl")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "1.0000\tthe key\tthe key"
    found = json.loads(run("similarity", "--pairs", "p.jsonl", "--json")[1])
    assert found["similarities"][0] == pytest.approx(1)
    assert (found["pairs"], found["spearman"]) == (2, None)


def test_explain_shows_tokens_neighbors_and_poolings(run):
    code, out, err = run("explain", "the key rotates")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].endswith(": 6 tokens, 3 layers, mean pooling")
    assert lines[3].startswith("token   vector, %    1   2   3   largest sources after layer 3")
    assert [line.split()[0] for line in lines[4:10]] == [
        "[CLS]", "the", "key", "rot", "##ates", "[SEP]",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[12:15]] == ["the", "key", "rotates"]
    assert lines[-1].startswith("cosines between the poolings of the last layer: CLS–mean ")


def test_explain_as_json_and_png(run, tiny, tmp_path):  # noqa: F811
    pytest.importorskip("matplotlib")
    code, out, err = run(
        "explain", "-", "--word", "key", "--neighbors", "2", "--layer", "2", "--png", "a.png",
        "--json", stdin="the key",
    )  # fmt: skip
    assert (code, err) == (0, "ragkit: wrote a.png\n")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    fields = json.loads(out)
    expected = load(str(tiny)).explain("the key", "key", 2)
    np.testing.assert_allclose(fields["rollout"], expected.rollout, atol=1e-4)
    assert (fields["layers"], fields["pooling"], fields["truncated_tokens"]) == (3, "mean", 0)
    assert [token["token"] for token in fields["tokens"]] == ["[CLS]", "the", "key", "[SEP]"]
    assert [source["position"] for source in fields["tokens"][0]["sources"]] in ([1, 2], [2, 1])
    assert [row["layer"] for row in fields["poolings"]] == [0, 1, 2, 3]
    (word,) = fields["words"]
    assert (word["start"], word["end"], len(word["neighbors"])) == (4, 7, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "text 1 is empty"),
        (("the key", "--layer", "9"), "--layer is 9; expected a number from 1 to 3"),
        (("the key", "--neighbors", "-1"), "expected 0 or more"),
        (("the key", "--png", "a.txt"), "not named as a PNG"),
        (("the key", "--word", "kye"), "the nearest word is “key”"),
    ],
)
def test_explain_refuses_what_it_cannot_show(run, arguments, message):
    pytest.importorskip("matplotlib")
    code, out, err = run("explain", *arguments)
    assert (code, out) == (2, "")
    assert message in err
