def test_the_nearest_collection_above_is_found(run, kit, folder, monkeypatch):
    monkeypatch.chdir(folder / "sub")
    assert run("query", "parents", "-k", "1")[0] == 0
    assert str(kit) in run("status")[1]


def test_the_collection_or_its_parent_folder_may_be_named(run, kit):
    for named in (kit, kit.parent):
        assert run("-c", str(named), "status")[1] == run("status", "-c", str(named))[1]


def test_without_a_local_collection_the_default_one_is_used(run, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("RAGKIT_DATA_DIR", str(tmp_path / "mine"))
    run("index", "notes")
    assert (tmp_path / "mine" / "default" / "ragkit.db").exists()
    assert run("query", "parents at home")[0] == 0
