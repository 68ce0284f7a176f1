import os

import pytest


def test_the_nearest_collection_above_is_found(run, collection_folder, folder, monkeypatch):
    monkeypatch.chdir(folder / "sub")
    assert run("query", "parents", "-k", "1")[0] == 0
    assert str(collection_folder) in run("status")[1]


def test_the_collection_or_its_parent_folder_may_be_named(run, collection_folder):
    for named in (collection_folder, collection_folder.parent):
        assert run("-c", str(named), "status")[1] == run("status", "-c", str(named))[1]


def test_without_a_local_collection_the_default_one_is_used(run, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("RAGKIT_DATA_DIR", str(tmp_path / "mine"))
    run("index", "notes")
    assert (tmp_path / "mine" / "default" / "ragkit.db").exists()
    assert run("query", "parents at home")[0] == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_collection_of_another_user_has_to_be_named(run, collection_folder, monkeypatch):
    os.chown(collection_folder, 12345, -1)
    code, _, err = run("query", "parents")
    assert code == 3
    assert (
        f"belongs to another user (id 12345), so it has to be named: ragkit -c {collection_folder}"
        in err
    )
    assert run("-c", str(collection_folder), "query", "parents")[0] == 0
    monkeypatch.setenv("RAGKIT_TRUST", "1")
    assert run("query", "parents")[0] == 0
