"""The command line as scripts and people meet it: streams, shapes, exit codes."""

import json
import re
import subprocess

import pytest

from ragkit import cli
from ragkit.cli.output import coverage as coverage_output
from ragkit.records.reports import Coverage
from tests.conftest import SHARED
from tests.documents.files import make_zip

RERANKER = SHARED / "models/ms-marco-MiniLM-L12-v2-int8"


@pytest.fixture
def run(monkeypatch, capsys, encoder, tmp_path):
    """Run `ragkit …` in `tmp_path` with the words' encoder; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    monkeypatch.setenv("COLUMNS", "80")

    def run_(*arguments):
        try:
            code = cli.main(arguments)
        except SystemExit as exit_:
            code = exit_.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_


@pytest.fixture
def kit(run, folder):
    """A local collection with the three notes in it."""
    assert run("init")[0] == 0
    assert run("index", str(folder))[0] == 0
    return folder.parent / ".ragkit"


HIT = [
    "rank", "score", "passage_id", "text", "path", "title", "heading", "page", "locator",
    "start_line", "end_line", "start", "end", "citation", "scores", "metadata", "stale", "root",
    "document_id",
]  # fmt: skip
REPORT = [
    "added", "updated", "unchanged", "moved", "removed", "failed", "skipped", "passages",
    "embedded", "reused", "tokens", "truncated_tokens", "seconds", "documents",
]  # fmt: skip


def test_first_steps_as_a_user_takes_them(run, folder):
    assert run("init") == (0, "created an empty collection in .ragkit\n", "")
    code, out, err = run("index", "notes")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"3 files \(3 added\), \d passages \(\d embedded\) in \d+\.\d s\n", out)
    _, out, _ = run("index")
    assert re.fullmatch(r"nothing changed: 3 files in \d+\.\d s\n", out)
    code, out, err = run("query", "how long may parents stay at home?", "-k", "1")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert re.fullmatch(r"1  0\.\d\d  leave\.txt, line 1", first)
    assert second.strip() == "Parents may stay at home for half a year."


def test_query_json_is_the_contract_s_shape(run, kit):
    code, out, err = run("query", "keys in a vault", "--json", "-k", "2")
    hits = json.loads(out)
    assert (code, err, len(hits)) == (0, "", 2)
    assert [list(hit) for hit in hits] == [HIT, HIT]
    hit = next(hit for hit in hits if "vault" in hit["text"])
    text = (kit.parent / "notes" / "keys.md").read_text()
    assert hit["text"] == text[hit["start"] : hit["end"]]
    assert hit["heading"] == ["Keys", "Storage"]
    assert hit["citation"] == "keys.md#L5-L7"
    assert hit["scores"] == {
        "dense": hit["score"],
        "lexical": None,
        "fused": None,
        "rerank": None,
    }


def test_query_takes_filters_groups_and_variety(run, kit):
    (hit,) = json.loads(run("query", "keys", "--where", "type = txt and path ~ sub/*", "--json")[1])
    assert hit["path"] == "sub/cats.txt"
    assert run("query", "keys", "--where", "type = pdf") == (1, "", "ragkit: nothing found\n")
    code, _, err = run("query", "keys", "--where", "type = ")
    assert (code, err.startswith("ragkit: the filter, at character 8")) == (2, True)
    hits = json.loads(run("query", "keys", "--per-document", "1", "--lambda", "0.3", "--json")[1])
    assert sorted(hit["path"] for hit in hits) == ["keys.md", "leave.txt", "sub/cats.txt"]


@pytest.mark.skipif(not RERANKER.is_dir(), reason="no reranker beside us")
@pytest.mark.model
def test_a_query_is_reranked(run, kit):
    few = ("--rerank", "--reranker", str(RERANKER), "--budget", "5s", "-k", "2")
    code, out, _ = run("query", "who sleeps all day?", *few, "--json")
    first, second = json.loads(out)
    assert (code, first["path"]) == (0, "sub/cats.txt")
    assert first["scores"]["rerank"] > second["scores"]["rerank"]
    code, out, _ = run("query", "who sleeps all day?", *few, "--explain")
    assert "rerank " in out


@pytest.mark.parametrize("time", ["300", "fast", "ms", "3m"])
def test_a_budget_has_a_unit(run, kit, time):
    code, _, err = run("query", "cats", "--rerank", "--budget", time)
    assert (code, "--budget: invalid duration value" in err) == (2, True)


def test_query_explains(run, kit):
    _, out, _ = run("query", "signing keys vaulted", "-k", "1", "--mode", "hybrid", "--explain")
    assert re.search(r"scores   dense 0\.\d{3}, lexical \d\.\d{3}, fused 0\.\d{3}\n", out)
    assert re.search(r"words    .*signing \d\.\d\d.* of what all could give\)", out)
    assert re.search(r"meaning  0\.\d\d  ", out)
    (hit,) = json.loads(run("query", "vault", "-k", "1", "--explain", "--json")[1])
    assert list(hit) == [*HIT, "explanation"]
    assert list(hit["explanation"]) == [
        "words", "missing", "taken_for", "share", "sentence", "sentence_score", "start", "end",
    ]  # fmt: skip


def test_a_file_of_queries(run, kit, tmp_path):
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


def test_a_trec_run_keeps_the_order_of_what_is_diverse(run, kit, tmp_path):
    """Who reads one goes by its scores."""
    (tmp_path / "q.txt").write_text("keys in a vault\n")
    out = run("query", "--batch", "q.txt", "--format", "trec", "--lambda", "0")[1]
    printed = json.loads(run("query", "keys in a vault", "--json", "--lambda", "0")[1])
    fields = [line.split() for line in out.splitlines()]
    assert len(fields) > 2
    by_score = sorted(fields, key=lambda each: -float(each[4]))
    assert [int(each[2]) for each in by_score] == [hit["passage_id"] for hit in printed]
    assert len({each[4] for each in fields}) == len(fields)


def test_search_is_query_and_jsonl_is_a_hit_a_line(run, kit):
    _, out, _ = run("search", "keys in a vault", "--jsonl", "--mode", "hybrid")
    hits = [json.loads(line) for line in out.splitlines()]
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert json.loads(run("query", "keys in a vault", "--json", "--mode", "hybrid")[1]) == hits


def test_a_question_from_stdin(run, kit, monkeypatch):
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("parents at home?\n"))
    assert "leave.txt" in run("query", "-", "-k", "1")[1]


def test_index_json_is_the_contract_s_shape(run, kit, folder):
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    code, out, _ = run("index", "--json")
    report = json.loads(out)
    assert code == 0
    assert list(report)[: len(REPORT)] == REPORT
    assert [(each["path"], each["status"]) for each in report["documents"]] == [
        ("picture.png", "skipped")
    ]


def test_ls_lists_every_file_with_what_became_of_it(run, kit, folder):
    (folder / ".hidden").write_text("x")
    run("index")
    files = json.loads(run("ls", "--json")[1])
    assert {file["path"]: (file["status"], file["reason"]) for file in files} == {
        ".hidden": ("skipped", "hidden"),
        "keys.md": ("indexed", None),
        "leave.txt": ("indexed", None),
        "sub/cats.txt": ("indexed", None),
    }
    assert {"path", "status", "reason", "passages", "media_type"} <= set(files[0])
    assert run("ls", "--failed")[1].split() == ["skipped", "0", ".hidden", "(hidden)"]


def test_coverage_is_summed_as_people_say_it():
    coverage = Coverage(830, 812, {"no_text_layer": 11, "encrypted": 4, "too_large": 3}, {})
    assert coverage_output.coverage(coverage) == (
        "812 of 830 files, 18 not: 11 scans without a text layer, 4 encrypted, "
        "3 over the size limit"
    )


def test_ls_takes_paths_and_says_why(run, kit, folder):
    assert run("ls", "notes/sub")[1].split() == ["indexed", "1", "sub/cats.txt"]
    assert [file["path"] for file in json.loads(run("ls", "keys.md", "--json")[1])] == ["keys.md"]
    code, out, err = run("ls", "nowhere")
    assert (code, out) == (2, "")
    assert "ragkit ls --why nowhere" in err
    code, out, err = run("ls", "--why", "notes/keys.md")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"notes/keys.md: read on .* and unchanged since: 2 passages, .*\n", out)
    (why,) = json.loads(run("ls", "--why", "nowhere", "--json")[1])
    assert (why["state"], why["file"]) == ("unknown", None)
    assert run("ls", "--why", "nowhere")[0] == run("ls", "--why")[0] == 2


def test_a_query_says_once_which_files_have_changed(run, kit, folder):
    (folder / "leave.txt").write_text("Parents work.")
    (folder / "sub" / "cats.txt").unlink()
    _, out, err = run("query", "parents cats keys at home", "--json")
    stale = {hit["path"]: hit["stale"] for hit in json.loads(out)}
    assert stale == {"leave.txt": True, "sub/cats.txt": True, "keys.md": False}
    assert re.fullmatch(
        r"ragkit: files changed since indexing: [\w./]+, [\w./]+; run `ragkit index` to update\n",
        err,
    )


def test_a_record_of_an_archive_is_verified_too(run, kit, folder):
    archive = folder / "docs.zip"
    archive.write_bytes(make_zip({"tea.txt": "Green tea is steeped."}))
    run("index")
    assert json.loads(run("query", "green tea", "--json")[1])[0]["stale"] is False
    assert run("get", "docs.zip/tea.txt") == (0, "Green tea is steeped.\n", "")
    archive.write_bytes(make_zip({"tea.txt": "Black tea is steeped."}))
    hit = json.loads(run("query", "green tea", "--json")[1])[0]
    assert (hit["path"], hit["stale"]) == ("docs.zip/tea.txt", True)
    _, out, err = run("get", "docs.zip/tea.txt")
    assert out == "Green tea is steeped.\n" and "has changed since indexing" in err
    archive.unlink()
    assert "has changed since indexing" in run("get", "docs.zip/tea.txt")[2]


def test_status_says_what_is_there(run, kit, folder):
    status = json.loads(run("status", "--json")[1])
    assert status["files"] == {"indexed": 3}
    assert (status["passages"], status["pending"], status["model"]) == (4, 0, "words")
    assert status["roots"] == [str(folder)]
    assert "3 of 3 files" in run("status")[1]


def test_get_prints_the_text_and_nothing_else(run, kit):
    assert run("get", "keys.md#L5") == (0, "## Storage\n", "")
    _, out, _ = run("get", "leave.txt", "--json")
    assert json.loads(out)["text"] == "Parents may stay at home for half a year.\n"


def test_get_tells_when_the_file_has_changed(run, kit, folder):
    (folder / "leave.txt").write_text("Parents work.")
    _, out, err = run("get", "leave.txt")
    assert out.startswith("Parents may stay")
    assert "has changed since indexing" in err


def test_remove_takes_documents_out(run, kit):
    assert run("remove", "leave.txt") == (0, "removed 1 document\n", "")
    assert json.loads(run("remove", "notes", "--json")[1]) == {"removed": 2}


def test_strict_exits_with_2_when_a_file_failed(run, kit, folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    assert run("index")[0] == 0
    code, out, err = run("index", "--strict")
    assert code == 2
    assert "read 3 of 4 files, 1 not: 1 damaged (ragkit ls --failed)\n" in out
    assert err.splitlines() == [
        "ragkit: 1 not read, so --strict fails:",
        "ragkit:   broken.pdf: damaged PDF: no pages can be found in it",
    ]


def test_a_dry_run_makes_no_collection(run, folder, tmp_path):
    code, out, _ = run("-c", "kit", "index", "notes", "--dry-run")
    assert (code, out) == (0, "would be: 3 added; 0 unchanged\n")
    assert not (tmp_path / "kit").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("query", "x", "--collection", "nowhere"), 3, "no collection at .*nowhere. Make one with"),
        (("status",), 3, "no collection at"),
        (("index", "nowhere"), 2, "no file or folder at nowhere"),
        (("index",), 2, "name a folder"),
        (("query",), 2, "expected a question or --batch FILE"),
        (("query", "x", "--batch", "q.txt"), 2, "expected a question or --batch FILE"),
        (("query", "x", "--format", "trec"), 2, "--format is of --batch FILE"),
        (("frobnicate",), 2, "invalid choice: 'frobnicate'"),
        (("init", "a", "-c", "b"), 2, "name the folder once"),
        ((), 2, "required: COMMAND"),
    ],
)
def test_errors_are_one_line_with_a_remedy(run, arguments, code, message):
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert re.search(message, err)
    assert err.startswith("ragkit: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("query", "  "), "the query is empty"),
        (("query", "x", "-k", "0"), "-k/--top-k is 0; expected 1 or more"),
        (("query", "x", "--mode", "psychic"), "invalid choice: 'psychic'"),
        (("query", "x", "--context", "-1"), "context is -1"),
        (("get", "nothing.txt"), "no document nothing.txt"),
        (("get", "1", "--context", "-1"), "context is -1"),
        (("remove", "nothing.txt"), "neither a root nor a document"),
    ],
)
def test_wrong_input_to_a_collection_that_is_there(run, kit, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_model_that_is_nowhere_says_how_to_get_one(folder, tmp_path, capsys):
    arguments = ["-c", str(tmp_path / "kit"), "index", str(folder), "--model", "no/such-model"]
    assert cli.main(arguments) == 3
    err = capsys.readouterr().err
    assert err.startswith("ragkit: ")
    assert "no/such-model" in err
    assert 'pip install "ragkit[model]"' in err


def test_nothing_found_is_exit_code_1(run, kit):
    assert run("query", "keys", "--min-score", "0.999") == (1, "", "ragkit: nothing found\n")
    assert run("query", "keys", "--min-score", "0.999", "--json")[:2] == (1, "[]\n")


def test_an_empty_collection_says_how_to_fill_it(run):
    run("init")
    code, _, err = run("query", "anything")
    assert (code, "ragkit index FOLDER" in err) == (1, True)


def test_k_of_a_million_is_everything(run, kit):
    assert len(json.loads(run("query", "keys", "-k", "1000000", "--json")[1])) == 4


def test_the_nearest_collection_above_is_found(run, kit, folder, monkeypatch):
    monkeypatch.chdir(folder / "sub")
    assert run("query", "parents", "-k", "1")[0] == 0
    assert str(kit) in run("status")[1]


def test_the_collection_s_folder_or_the_one_that_holds_it_may_be_named(run, kit):
    for named in (kit, kit.parent):
        assert run("-c", str(named), "status")[1] == run("status", "-c", str(named))[1]


def test_without_any_the_default_collection_is_used(run, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("RAGKIT_DATA_DIR", str(tmp_path / "mine"))
    run("index", "notes")
    assert (tmp_path / "mine" / "default" / "ragkit.db").exists()
    assert run("query", "parents at home")[0] == 0


def test_the_environment_names_collection_mode_and_k(run, kit, monkeypatch, tmp_path):
    monkeypatch.chdir("/")
    monkeypatch.setenv("RAGKIT_COLLECTION", str(kit))
    monkeypatch.setenv("RAGKIT_MODE", "lexical")
    monkeypatch.setenv("RAGKIT_TOP_K", "1")
    (hit,) = json.loads(run("query", "parents at home cats", "--json")[1])
    assert hit["scores"]["lexical"] > 0


def test_long_text_is_trimmed_to_the_terminal_around_what_was_asked(run, kit, folder):
    (folder / "wide.txt").write_text("pale words " * 8 + "needle " + "pale words " * 8 + "界" * 60)
    run("index")
    lines = run("query", "needle", "--mode", "lexical")[1].splitlines()
    assert "needle" in " ".join(lines)
    assert all(len(line) + line.count("界") <= 80 for line in lines)


def test_no_colour_where_nobody_sees_it(run, kit):
    assert "\x1b" not in run("query", "parents")[1]


def test_a_terminal_gets_highlighted_words_unless_it_does_not_want_them(run, kit, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;33mParents\x1b[0m" in run("query", "parent")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("query", "parent")[1]


def test_an_interruption_exits_with_130_and_says_what_to_do(run, kit, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ragkit.collection.Collection.index", interrupt)
    code, out, err = run("index")
    assert (code, out) == (130, "")
    assert "the same command continues from there" in err


def test_an_unexpected_error_has_no_traceback_unless_asked_for(run, kit, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("ragkit.collection.Collection.search_with", fail)
    code, _, err = run("query", "x")
    assert (code, err.count("\n")) == (3, 1)
    assert "unexpected ZeroDivisionError: oh" in err
    with pytest.raises(ZeroDivisionError):
        run("--debug", "query", "x")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_command(run, shell):
    code, out, _ = run("completion", shell)
    assert code == 0
    assert all(name in out for name in ("index", "query", "status", "remove"))


def test_completion_completes_files_in_bash(run, tmp_path):
    script = run("completion", "bash")[1]
    (tmp_path / "handbook").mkdir()
    ask = (
        f"{script}\n"
        "COMP_WORDS=(ragkit index hand); COMP_CWORD=2; _shtab_ragkit; echo ${COMPREPLY[@]}\n"
        "COMP_WORDS=(ragkit sta); COMP_CWORD=1; _shtab_ragkit; echo ${COMPREPLY[@]}\n"
    )
    shell = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)
    assert shell.stdout.split() == ["handbook", "status"]


@pytest.mark.parametrize("columns", ["1", "8", "30"])
def test_a_narrow_terminal_gets_an_answer(run, kit, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert run("query", "parents at home", "-k", "1")[0] == 0


def test_what_new_globs_leave_out_is_reported_as_removed(run, kit):
    report = json.loads(run("index", "notes", "--include", "*.md", "--json")[1])
    assert (report["removed"], report["unchanged"]) == (2, 1)


NASTY = "\x1b[2J\x1b]0;mine\x07\x9b31m\u202e\r\x7f"


def test_no_control_character_of_a_file_reaches_the_terminal(run, kit, folder):
    (folder / f"evil{NASTY}\n.txt").write_text(f"An evil{NASTY} needle.\n\n# Head{NASTY}\n")
    (folder / f"evil{NASTY}.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    commands = [
        ("index",),
        ("query", f"evil needle{NASTY}", "-k", "9"),
        ("ls",),
        ("ls", "--failed"),
        ("get", f"evil{NASTY}\n.txt"),
        ("get", f"nowhere{NASTY}"),
        ("get", "x", f"--{NASTY}"),
        ("index", f"nowhere{NASTY}"),
        ("remove", f"nowhere{NASTY}"),
        ("-c", f"nowhere{NASTY}", "status"),
    ]
    for command in commands:
        _, out, err = run(*command)
        seen = {each for each in out + err if each not in "\n\t" and not each.isprintable()}
        assert not seen, command
    assert "evil\u241b[2J\u241b]0;mine\u2407\ufffd31m\ufffd\u240d\u2421\u240a.txt" in run("ls")[1]


def test_json_is_exact_and_still_safe_to_look_at(run, kit, folder):
    (folder / f"evil{NASTY}.txt").write_text("An evil needle.")
    run("index")
    _, out, _ = run("query", "evil needle", "--json", "-k", "1")
    assert json.loads(out)[0]["path"] == f"evil{NASTY}.txt"
    assert not {each for each in out if each != "\n" and not each.isprintable()}


def harmed(kit):
    """What may be found where a collection should be, by the name of the harm."""
    import sqlite3

    def not_a_database():
        (kit / "ragkit.db").write_bytes(b"this is a diary, not a database" * 10)

    def newer():
        with sqlite3.connect(kit / "ragkit.db") as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()

    return {"not a SQLite database": not_a_database, "made by a newer ragkit": newer}


@pytest.mark.parametrize("message", ["not a SQLite database", "made by a newer ragkit"])
@pytest.mark.parametrize("command", [("index",), ("query", "keys"), ("status",), ("remove", "x")])
def test_a_collection_that_cannot_be_used_is_one_line_and_stays_as_it_is(
    run, kit, message, command
):
    harmed(kit)[message]()
    before = (kit / "ragkit.db").read_bytes()
    code, out, err = run("-c", str(kit), *command)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert message in err
    assert (kit / "ragkit.db").read_bytes() == before


def test_a_read_only_collection_answers_and_refuses_to_be_written(run, kit, folder, unprivileged):
    (folder / "new.txt").write_text("Something new.")
    run("query", "parents")  # what is imported later would lie where this user cannot read
    with unprivileged(kit):
        for mode in ("dense", "lexical", "hybrid"):
            found = run("query", "parents at home", "-k", "1", "--mode", mode)
            assert (found[0], found[2]) == (0, "")
        assert run("status")[0] == 0
        for command in (("index",), ("remove", "leave.txt")):
            code, out, err = run(*command)
            assert (code, out, err.count("\n")) == (3, "", 1)
            assert "cannot write to" in err
    assert "leave.txt" in run("ls")[1]


def test_an_empty_folder_and_a_collection_of_nothing(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = run("-c", "kit", "index", "empty")
    assert (code, err) == (0, "")
    assert out.startswith("nothing changed: 0 files")
    assert run("-c", "kit", "query", "x")[0] == 1


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_query_of_100_kb_from_stdin(run, kit, monkeypatch, mode):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("parents at home " * 6250))
    code, out, err = run("query", "-", "-k", "1", "--mode", mode)
    assert (code, "leave.txt" in out, err.count("\n")) == (0, True, 1)
    assert "reads the first 60" in err
