"""`ragkit trust`, and the commands that wait for it."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from ragkit import trust


@pytest.fixture
def clone(run, collection_folder, tmp_path, monkeypatch):
    """A checkout with notes and a collection that this user has not made. It is the working
    folder."""
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    shutil.copytree(collection_folder, tmp_path / "clone" / ".ragkit")
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv("RAGKIT_MODEL", "words")  # the user has this one
    return tmp_path / "clone"


def test_only_reading_commands_work_before_trust(run, clone):
    code, out, err = run("query", "parents at home", "--json")
    assert (code, json.loads(out)[0]["path"]) == (0, "leave.txt")
    assert f"ragkit trust {clone / '.ragkit'}" in err
    for reading in (("ls",), ("get", "leave.txt"), ("status",), ("query", "keys", "--json")):
        assert run(*reading)[0] == 0
    for writing in (("index",), ("index", "."), ("index", "--dry-run"), ("remove", "leave.txt"),
                    ("ls", "--why", "leave.txt"), ("index", "--watch")):  # fmt: skip
        code, out, err = run(*writing)
        assert (code, out) == (3, "")
        assert f"ragkit trust {clone / '.ragkit'}" in err


def test_trust_says_what_it_trusts_and_lists_and_revokes_it(run, clone, folder):
    code, out, _ = run("trust")
    assert code == 0
    assert out.splitlines() == [
        f"trusted: {clone / '.ragkit'}",
        f"  its roots: {folder}",
        "  its model: words",
    ]
    assert run("index")[0] == 0
    assert f"{clone / '.ragkit'}  trusted" in run("trust", "--list")[1]
    assert run("trust", "--revoke", ".")[1] == f"no longer trusted: {clone / '.ragkit'}\n"
    assert run("index")[0] == 3


def test_trust_as_json(run, clone, folder):
    (clone / "ragkit.toml").write_text("max_file_mb = 1000\n")
    assert json.loads(run("trust", str(clone), "--json")[1]) == {
        "collection": str(clone / ".ragkit"),
        "project_file": str(clone / "ragkit.toml"),
        "roots": [str(folder)],
        "model": "words",
    }
    listed = json.loads(run("trust", "--list", "--json")[1])
    assert listed["collections"][-1]["path"] == str(clone / ".ragkit")
    assert listed["projects"] == [str(clone)]


def test_a_project_file_that_raises_a_limit_is_refused_until_trust(run, clone):
    (clone / "ragkit.toml").write_text("max_file_mb = 1000\n")
    code, _, err = run("query", "parents")
    assert code == 2
    assert "sets max_file_mb to 1000" in err
    assert f"ragkit trust {clone}" in err
    assert run("trust", str(clone))[0] == 0
    assert run("query", "parents")[0] == 0
    assert run("trust", "--revoke", str(clone))[0] == 0
    assert run("query", "parents")[0] == 2


def test_the_named_collection_is_trusted(run, clone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    assert run("-c", str(clone), "trust")[0] == 0
    assert trust.find(str(clone / ".ragkit")).how == "trusted"
    monkeypatch.setenv("RAGKIT_COLLECTION", str(clone / ".ragkit"))
    assert run("trust", "--revoke")[0] == 0
    assert trust.find(str(clone / ".ragkit")) is None


def test_there_has_to_be_something_to_trust(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = run("trust", str(tmp_path / "empty"))
    assert code == 2
    assert "neither a collection nor a ragkit.toml" in err
    assert "nothing is trusted yet" in run("trust", "--list")[2]


def test_control_characters_of_a_collection_do_not_reach_the_terminal(
    run, collection_folder, folder
):
    evil = "\x1b]0;owned\x07\x1b[2J"
    with closing(sqlite3.connect(collection_folder / "ragkit.db")) as connection, connection:
        for table, column in (("roots", "path"), ("roots", "folder"), ("models", "name"),
                              ("files", "path"), ("documents", "title")):  # fmt: skip
            connection.execute(f"UPDATE {table} SET {column} = {column} || ?", (evil,))
    for command in (("status",), ("ls",), ("query", "parents"), ("get", "1"), ("trust",),
                    ("trust", "--list"), ("models",), ("get", evil), ("ls", evil)):  # fmt: skip
        _, out, err = run(*command)
        assert "\x1b" not in out + err
        assert "\x07" not in out + err
