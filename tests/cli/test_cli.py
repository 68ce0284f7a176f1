"""The command line as scripts and people meet it: streams, shapes, exit codes."""

import re

import pytest

from ragkit import cli


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("query", "x", "--collection", "nowhere"), 3, "no collection at .*nowhere. Make one with"),
        (("status",), 3, "no collection at"),
        (("index", "nowhere"), 2, "no file or folder at nowhere"),
        (("index",), 2, "name a folder"),
        (("query",), 2, "expected a question or --batch FILE"),
        (("query", "x", "--batch", "q.txt"), 2, "expected a question or --batch FILE"),
        (("query", "x", "--format", "trec"), 2, "--format needs --batch FILE"),
        (("frobnicate",), 2, "invalid choice: 'frobnicate'"),
        (("init", "a", "-c", "b"), 2, "name the folder once"),
        (("--debug",), 2, "required: COMMAND"),
    ],
)
def test_errors_are_one_line_with_a_remedy(run, arguments, code, message):
    exit_code, out, err = run(*arguments)
    assert (exit_code, out) == (code, "")
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
def test_wrong_input_is_one_line_and_exit_code_2(run, collection_folder, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_missing_model_is_an_error_that_says_how_to_get_one(folder, tmp_path, capsys):
    arguments = ["-c", str(tmp_path / "kit"), "index", str(folder), "--model", "no/such-model"]
    assert cli.main(arguments) == 3
    err = capsys.readouterr().err
    assert err.startswith("ragkit: ")
    assert "no/such-model" in err
    assert 'pip install "ragkit-search[model]"' in err


def test_an_interruption_exits_with_130(run, collection_folder, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ragkit.collection.Collection.index", interrupt)
    code, out, err = run("index")
    assert (code, out) == (130, "")
    assert "the same command continues from there" in err


def test_an_unexpected_error_shows_its_traceback_only_with_debug(
    run, collection_folder, monkeypatch
):
    def fail(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("ragkit.collection.Collection.search_with", fail)
    code, _, err = run("query", "x")
    assert (code, err.count("\n")) == (3, 1)
    assert "unexpected ZeroDivisionError: oh" in err
    with pytest.raises(ZeroDivisionError):
        run("--debug", "query", "x")


def test_a_panic_of_a_library_is_one_line_without_its_debug_text(
    run, collection_folder, monkeypatch
):
    class PanicException(BaseException):  # as pyo3 derives it
        pass

    def fail(*_, **__):
        raise PanicException("called `Result::unwrap()` on an `Err` value: Os { code: 5 }")

    monkeypatch.setattr("ragkit.collection.Collection.search_with", fail)
    code, _, err = run("query", "x")
    assert (code, err.count("\n")) == (3, 1)
    assert "unexpected PanicException. " in err
    assert "unwrap" not in err
    with pytest.raises(PanicException):
        run("--debug", "query", "x")


def harmed(collection_folder):
    """Return the ways to damage a collection, by the message that is expected."""
    import sqlite3
    from contextlib import closing

    def not_a_database():
        (collection_folder / "ragkit.db").write_bytes(b"this is a diary, not a database" * 10)

    def newer():
        with closing(sqlite3.connect(collection_folder / "ragkit.db")) as connection, connection:
            connection.execute("PRAGMA user_version = 99")

    return {"not a SQLite database": not_a_database, "made by a newer ragkit": newer}


@pytest.mark.parametrize("message", ["not a SQLite database", "made by a newer ragkit"])
@pytest.mark.parametrize("command", [("index",), ("query", "keys"), ("status",), ("remove", "x")])
def test_an_unusable_collection_is_an_error_and_stays_unchanged(
    run, collection_folder, message, command
):
    harmed(collection_folder)[message]()
    before = (collection_folder / "ragkit.db").read_bytes()
    code, out, err = run("-c", str(collection_folder), *command)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert message in err
    assert (collection_folder / "ragkit.db").read_bytes() == before


def test_a_read_only_collection_can_be_searched_but_not_written(
    run, collection_folder, folder, make_read_only, monkeypatch
):
    (folder / "new.txt").write_text("Something new.")
    monkeypatch.setenv("RAGKIT_MODEL", "words")  # to this user it is a collection of somebody else
    run("query", "parents")  # what is imported later would lie where this user cannot read
    with make_read_only(collection_folder):
        for mode in ("dense", "lexical", "hybrid"):
            result = run("query", "parents at home", "-k", "1", "--mode", mode)
            assert (result[0], result[2]) == (0, "")
        assert run("status")[0] == 0
        for command in (("index",), ("remove", "leave.txt")):
            code, out, err = run(*command)
            assert (code, out, err.count("\n")) == (3, "", 1)
            assert "cannot write to" in err
    assert "leave.txt" in run("ls")[1]
