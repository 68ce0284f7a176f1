import json
import re

import pytest

from tests.conftest import SHARED

HIT = [
    "rank", "score", "passage_id", "text", "path", "title", "heading", "page", "locator",
    "start_line", "end_line", "start", "end", "citation", "scores", "metadata", "stale", "root",
    "document_id", "copies", "also_at",
]  # fmt: skip
RERANKER = SHARED / "models/ms-marco-MiniLM-L12-v2-int8"


def test_query_json_has_the_fields_of_the_contract(run, collection_folder):
    code, out, err = run("query", "keys in a vault", "--json", "-k", "2")
    hits = json.loads(out)
    assert (code, err, len(hits)) == (0, "", 2)
    assert [list(hit) for hit in hits] == [HIT, HIT]
    hit = next(hit for hit in hits if "vault" in hit["text"])
    text = (collection_folder.parent / "notes" / "keys.md").read_text()
    assert hit["text"] == text[hit["start"] : hit["end"]]
    assert hit["heading"] == ["Keys", "Storage"]
    assert hit["citation"] == "keys.md#L5-L7"
    assert hit["scores"] == {
        "dense": hit["score"],
        "lexical": None,
        "fused": None,
        "rerank": None,
    }


def test_query_takes_filters_limits_per_document_and_diversity(run, collection_folder):
    (hit,) = json.loads(run("query", "keys", "--where", "type = txt and path ~ sub/*", "--json")[1])
    assert hit["path"] == "sub/cats.txt"
    assert run("query", "keys", "--where", "type = pdf") == (1, "", "ragkit: nothing found\n")
    code, _, err = run("query", "keys", "--where", "type = ")
    assert (code, err.startswith("ragkit: the filter, at character 8")) == (2, True)
    hits = json.loads(run("query", "keys", "--per-document", "1", "--lambda", "0.3", "--json")[1])
    assert sorted(hit["path"] for hit in hits) == ["keys.md", "leave.txt", "sub/cats.txt"]


@pytest.mark.skipif(not RERANKER.is_dir(), reason="no reranker beside us")
@pytest.mark.model
def test_a_query_is_reranked(run, collection_folder):
    few = ("--rerank", "--reranker", str(RERANKER), "--budget", "5s", "-k", "2")
    code, out, _ = run("query", "who sleeps all day?", *few, "--json")
    first, second = json.loads(out)
    assert (code, first["path"]) == (0, "sub/cats.txt")
    assert first["scores"]["rerank"] > second["scores"]["rerank"]
    code, out, _ = run("query", "who sleeps all day?", *few, "--explain")
    assert "rerank " in out


@pytest.mark.parametrize("time", ["300", "fast", "ms", "3m"])
def test_a_budget_has_a_unit(run, collection_folder, time):
    code, _, err = run("query", "cats", "--rerank", "--budget", time)
    assert (code, "--budget: invalid duration value" in err) == (2, True)


def test_query_explains(run, collection_folder):
    _, out, _ = run("query", "signing keys vaulted", "-k", "1", "--mode", "hybrid", "--explain")
    assert re.search(r"scores   dense 0\.\d{3}, lexical \d\.\d{3}, fused 0\.\d{3}\n", out)
    assert re.search(r"words    .*signing \d\.\d\d.* of the maximum\)", out)
    assert re.search(r"meaning  0\.\d\d  ", out)
    (hit,) = json.loads(run("query", "vault", "-k", "1", "--explain", "--json")[1])
    assert sorted(hit) == sorted([*HIT, "explanation"])
    assert list(hit["explanation"]) == [
        "words", "missing", "taken_for", "share", "sentence", "sentence_score", "start", "end",
    ]  # fmt: skip


def test_a_batch_answers_each_query_of_a_file(run, collection_folder, tmp_path):
    (tmp_path / "q.txt").write_text("parents at home\n\nkeys in a vault\n")
    code, out, _ = run("query", "--batch", "q.txt", "-k", "2")
    first, second = map(json.loads, out.splitlines())
    assert (code, first["query_id"], second["query"]) == (0, "1", "keys in a vault")
    assert first["hits"] == json.loads(run("query", "parents at home", "-k", "2", "--json")[1])
    assert json.loads(run("query", "--batch", "q.txt", "-k", "2", "--json")[1]) == [first, second]
    run_ = run("query", "--batch", "q.txt", "-k", "1", "--format", "trec", "--mode", "lexical")[1]
    fields = [line.split() for line in run_.splitlines()]
    assert [(each[0], each[3], each[5]) for each in fields] == [
        ("1", "1", "ragkit-lexical"), ("3", "1", "ragkit-lexical"),
    ]  # fmt: skip
    assert int(fields[0][2]) == first["hits"][0]["passage_id"]


def test_the_scores_of_a_trec_run_keep_the_order_of_diverse_hits(run, collection_folder, tmp_path):
    """Who reads one goes by its scores."""
    (tmp_path / "q.txt").write_text("keys in a vault\n")
    out = run("query", "--batch", "q.txt", "--format", "trec", "--lambda", "0")[1]
    printed = json.loads(run("query", "keys in a vault", "--json", "--lambda", "0")[1])
    fields = [line.split() for line in out.splitlines()]
    assert len(fields) > 2
    by_score = sorted(fields, key=lambda each: -float(each[4]))
    assert [int(each[2]) for each in by_score] == [hit["passage_id"] for hit in printed]
    assert len({each[4] for each in fields}) == len(fields)


def test_search_is_an_alias_and_jsonl_prints_one_hit_per_line(run, collection_folder):
    _, out, _ = run("search", "keys in a vault", "--jsonl", "--mode", "hybrid")
    hits = [json.loads(line) for line in out.splitlines()]
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert json.loads(run("query", "keys in a vault", "--json", "--mode", "hybrid")[1]) == hits


def test_a_query_warns_once_about_changed_files(run, collection_folder, folder):
    (folder / "leave.txt").write_text("Parents work.")
    (folder / "sub" / "cats.txt").unlink()
    _, out, err = run("query", "parents cats keys at home", "--json")
    stale = {hit["path"]: hit["stale"] for hit in json.loads(out)}
    assert stale == {"leave.txt": True, "sub/cats.txt": True, "keys.md": False}
    assert re.fullmatch(
        r"ragkit: files changed since indexing: [\w./]+, [\w./]+; run `ragkit index` to update\n",
        err,
    )


def test_nothing_found_is_exit_code_1(run, collection_folder):
    assert run("query", "keys", "--min-score", "0.999") == (
        1,
        "",
        "ragkit: nothing found\nragkit: the best score is 0.80, below the minimum of 0.999\n",
    )
    assert run("query", "keys", "--min-score", "0.999", "--json")[:2] == (1, "[]\n")


def test_a_query_in_an_empty_collection_says_how_to_fill_it(run):
    run("init")
    code, _, err = run("query", "anything")
    assert (code, "ragkit index FOLDER" in err) == (1, True)


def test_a_k_of_a_million_returns_every_passage(run, collection_folder):
    assert len(json.loads(run("query", "keys", "-k", "1000000", "--json")[1])) == 4


def test_the_environment_sets_collection_mode_and_k(run, collection_folder, monkeypatch, tmp_path):
    monkeypatch.chdir("/")
    monkeypatch.setenv("RAGKIT_COLLECTION", str(collection_folder))
    monkeypatch.setenv("RAGKIT_MODE", "lexical")
    monkeypatch.setenv("RAGKIT_TOP_K", "1")
    (hit,) = json.loads(run("query", "parents at home cats", "--json")[1])
    assert hit["scores"]["lexical"] > 0


def test_notices_about_the_result_go_to_stderr_and_change_nothing_else(run, collection_folder):
    code, out, err = run("query", "chromodynamics xylophone", "--json")
    assert (code, len(json.loads(out))) == (0, 4)
    assert err.startswith("ragkit: nothing close: best score 0.")
    code, out, err = run("query", "cats sleep", "--min-score", "0.99")
    assert (code, out) == (1, "")
    assert err.startswith("ragkit: nothing found\nragkit: the best score is 0.")
    code, out, err = run("query", "cats", "--where", "titel = x")
    assert (code, out) == (1, "")
    assert "no document has the field 'titel'; did you mean title?" in err
    code, _, err = run("ask", "who sleeps?", "--where", "titel = x")
    assert code == 1
    assert "did you mean title?" in err


def test_the_tables_of_hits(run, collection_folder, folder):
    assert run("query", "cats sleep", "--files", "-k", "1")[1] == "notes/sub/cats.txt\n"
    assert run("query", "cats sleep", "--vimgrep", "-k", "1")[1] == (
        "notes/sub/cats.txt:1:1:Cats sleep for most of the day.\n"
    )
    assert run("query", "cats sleep", "--md", "-k", "1")[1].startswith("1. `sub/cats.txt#L1` · 0.")
    assert run("query", "cats sleep", "--csv", "-k", "1")[1].startswith("rank,score,citation,")
    for table in ("csv", "md", "files", "vimgrep"):
        code, out, err = run("query", "cats", "--json", f"--{table}")
        assert (code, out) == (2, "")
        assert f"--{table} and --json do not go together" in err
        assert run("query", "cats", f"--{table}", "--min-score", "1")[0] == 1


def test_an_editor_line_names_the_column_in_bytes(run, collection_folder, folder):
    (folder / "long.txt").write_text("Ärger " * 80 + "needle.\n")
    run("index")
    lines = run("query", "needle", "--vimgrep", "-k", "99")[1].splitlines()
    columns = {line.split(":")[2] for line in lines if line.startswith("notes/long.txt")}
    text = ("Ärger " * 80 + "needle.").encode()
    assert len(columns) > 1
    for line in lines:
        if line.startswith("notes/long.txt"):
            column, shown = int(line.split(":")[2]), line.split(":", 3)[3]
            assert text[column - 1 :].decode().startswith(shown)
