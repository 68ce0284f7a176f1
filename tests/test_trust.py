"""The list of trusted collections and project files."""

import json
import os
import stat
import threading

import pytest

from ragkit import trust
from ragkit.errors import CollectionError, UsageError
from ragkit.trust import Entry


@pytest.mark.parametrize("marker", [".git", ".hg", ".svn", ".jj"])
def test_a_folder_with_a_marker_in_it_or_above_it_is_version_controlled(tmp_path, marker):
    inner = tmp_path / "clone" / "docs" / ".ragkit"
    inner.mkdir(parents=True)
    assert not trust.is_version_controlled(str(inner))
    (tmp_path / "clone" / marker).mkdir()
    assert trust.is_version_controlled(str(inner))
    assert trust.is_version_controlled(str(tmp_path / "clone"))
    assert not trust.is_version_controlled(str(tmp_path))


def test_the_marker_of_a_worktree_is_a_file(tmp_path):
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    assert trust.is_version_controlled(str(tmp_path / "docs"))


def test_a_link_counts_where_it_is_and_where_it_leads(tmp_path):
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    (tmp_path / "plain").mkdir()
    (tmp_path / "clone" / "out").symlink_to(tmp_path / "plain")
    (tmp_path / "plain" / "in").symlink_to(tmp_path / "clone")
    assert trust.is_version_controlled(str(tmp_path / "clone" / "out"))
    assert trust.is_version_controlled(str(tmp_path / "plain" / "in"))
    assert not trust.is_version_controlled(str(tmp_path / "plain"))


def test_a_canonical_path_resolves_the_links_above_a_folder(tmp_path):
    (tmp_path / "real" / "target").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "kit").symlink_to(tmp_path / "real" / "target")
    assert trust.canonical(tmp_path / "link" / "kit") == str(tmp_path / "real" / "kit")
    assert trust.canonical(tmp_path / "link" / "x" / ".." / "y") == str(tmp_path / "real" / "y")


def test_entries_are_kept_and_replaced_by_path():
    assert trust.find("/a") is None
    trust.record("/a", "", "created")
    trust.record("/b", "2" * 32, "adopted")
    trust.record("/a", "1" * 32, "created")
    found = trust.find("/a")
    assert (found.id, found.how) == ("1" * 32, "created")
    assert [(entry.path, entry.how) for entry in trust.entries()] == [
        ("/b", "adopted"),
        ("/a", "created"),
    ]
    assert trust.forget("/a")
    assert not trust.forget("/a")
    assert trust.find("/a") is None


def test_the_list_is_private_to_the_user():
    trust.record("/a", "1" * 32, "created")
    assert stat.S_IMODE(trust.list_path().stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b'{"collections": 3, "projects": {}}', b"\xff\xfe",
        b'{"collections": [3, {"path": 4}, {"id": []}], "projects": [null]}',
    ],
)  # fmt: skip
def test_a_damaged_list_trusts_nothing_and_is_replaced(content):
    trust.list_path().parent.mkdir(parents=True)
    trust.list_path().write_bytes(content)
    assert trust.find("/a") is None
    assert trust.project_folders() == []
    trust.record("/a", "1" * 32, "created")
    assert json.loads(trust.list_path().read_text())["collections"][-1]["path"] == "/a"


def test_processes_and_threads_that_record_at_once_lose_nothing():
    def record(number):
        trust.record(f"/{number}", f"{number:032}", "created")

    threads = [threading.Thread(target=record, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.path for entry in trust.entries()} == {f"/{number}" for number in range(12)}


def test_a_long_list_drops_folders_that_are_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(trust, "_MAX_ENTRIES", 2)
    for path in (str(tmp_path), "/gone", "/new"):
        trust.record(path, "1" * 32, "created")
    assert [entry.path for entry in trust.entries()] == [str(tmp_path)]


def test_a_data_folder_that_cannot_be_written_is_reported_with_a_remedy(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RAGKIT_DATA_DIR", str(tmp_path / "file" / "data"))
    assert trust.entries() == []
    with pytest.raises(CollectionError, match=r"cannot write the list.*RAGKIT_TRUST=1"):
        trust.record("/a", "1" * 32, "created")


def test_a_project_file_in_a_checkout_is_trusted_by_its_folder(tmp_path):
    assert trust.is_trusted_project(tmp_path)
    (tmp_path / ".git").mkdir()
    assert not trust.is_trusted_project(tmp_path)
    trust.record("/a", "1" * 32, "created")
    trust.record_project(str(tmp_path))
    assert trust.is_trusted_project(tmp_path)
    assert not trust.is_trusted_project(tmp_path / "sub")
    assert trust.entries() == [Entry("/a", "1" * 32, "created", trust.entries()[0].since)]
    trust.forget(str(tmp_path))
    assert not trust.is_trusted_project(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_project_file_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    (tmp_path / "ragkit.toml").touch()
    assert trust.foreign_owner(tmp_path / "ragkit.toml") is None
    os.chown(tmp_path / "ragkit.toml", 12345, -1)
    assert trust.foreign_owner(tmp_path / "ragkit.toml") == 12345
    assert not trust.is_trusted_project(tmp_path)
    monkeypatch.setenv("SUDO_UID", "12345")
    assert trust.is_trusted_project(tmp_path)


def test_the_environment_trusts_everything(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("RAGKIT_TRUST", "1")
    assert trust.is_trusted_project(tmp_path)
    monkeypatch.setenv("RAGKIT_TRUST", "0")
    assert not trust.is_trusted_project(tmp_path)
    monkeypatch.setenv("RAGKIT_TRUST", "perhaps")
    with pytest.raises(UsageError, match="RAGKIT_TRUST is 'perhaps'; expected 1 or 0"):
        trust.is_trusted_project(tmp_path)


def test_the_users_own_folders_need_no_entry(tmp_path, monkeypatch):
    monkeypatch.setenv("RAGKIT_DATA_DIR", str(tmp_path / "data"))
    assert trust.is_in_user_folder(str(tmp_path / "data" / "default"))
    assert not trust.is_in_user_folder(str(tmp_path / "data-of-others"))
