"""Several -c in one command."""

import json

import pytest


@pytest.fixture
def two(run, tmp_path):
    for name, text in {"a": "Cats sleep all day.\n", "b": "Cats hunt at night.\n"}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "cats.txt").write_text(text)
        assert run("-c", str(folder / ".ragkit"), "index", str(folder))[0] == 0
    return "-c", str(tmp_path / "a"), "-c", str(tmp_path / "b")


def test_query_names_the_collections_and_get_accepts_the_citations(run, two):
    code, out, _ = run(*two, "query", "cats at night", "--json")
    hits = json.loads(out)
    assert code == 0
    assert [(hit["collection"], hit["citation"]) for hit in hits] == [
        ("b", "b:cats.txt#L1"), ("a", "a:cats.txt#L1"),
    ]  # fmt: skip
    assert run(*two, "get", "a:cats.txt#L1")[1] == "Cats sleep all day.\n"
    assert "b:cats.txt" in run("query", "cats at night", *two)[1]


def test_names_may_be_given_and_options_may_precede_and_follow_the_command(run, two):
    out = run("-c", f"x={two[1]}", "grep", "Cats", "-c", f"y={two[3]}")[1]
    assert out == "x:cats.txt#L1: Cats sleep all day.\ny:cats.txt#L1: Cats hunt at night.\n"


def test_listings_and_cursors_go_through_all_collections(run, two):
    assert run(*two, "glob", "*")[1] == "a:cats.txt\nb:cats.txt\n"
    _, out, err = run(*two, "grep", "Cats", "--limit", "1")
    assert (out, "--cursor b:" in err) == ("a:cats.txt#L1: Cats sleep all day.\n", True)
    assert run(*two, "grep", "Cats", "--cursor", "b:")[1].startswith("b:cats.txt")
    assert run(*two, "tree", "b:")[1] == "cats.txt  (20 characters)\n"


def test_ask_cites_the_collection(run, two):
    out = run(*two, "ask", "When do cats hunt at night?", "--json")[1]
    assert json.loads(out)["citations"][0]["citation"] == "b:cats.txt#L1"


def test_equal_folder_names_are_made_unique_and_equal_names_refused(run, two, tmp_path):
    out = run("-c", two[1], "-c", two[1], "glob", "*")[1]
    assert out == "a:cats.txt\na-2:cats.txt\n"
    code, _, err = run("-c", f"x={two[1]}", "-c", f"x={two[3]}", "glob", "*")
    assert (code, "x occurs twice" in err) == (2, True)


def test_a_command_that_works_on_one_collection_refuses_several(run, two):
    code, _, err = run(*two, "status")
    assert (code, "works on one collection" in err) == (2, True)


def test_serve_opens_all_that_are_named(two):
    from argparse import Namespace
    from contextlib import ExitStack

    from ragkit.cli.commands.serve import _open_collections

    arguments = Namespace(collections=[], named_collections=[two[1], f"x={two[3]}"])
    with ExitStack() as stack:
        assert list(_open_collections(arguments, stack)) == ["a", "x"]
