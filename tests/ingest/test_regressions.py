"""Regression tests of indexing: behaviour that was wrong in an earlier version."""

import shutil

import pytest

from ragkit import Collection, Settings
from ragkit.errors import CollectionError, ModelError, UsageError
from tests.ingest.test_run import OtherEncoder, done, paths


def test_an_existing_gitignore_is_not_changed(tmp_path, encoder):
    (tmp_path / ".gitignore").write_text("*.o\n")
    Collection(tmp_path, encoder=encoder).close()
    assert (tmp_path / ".gitignore").read_text() == "*.o\n"


def test_a_rebuild_keeps_the_vectors_if_its_model_cannot_be_loaded(
    open_collection, folder, monkeypatch
):
    collection = open_collection()
    collection.index(folder)
    collection._encoders.own_encoder = None

    def fail_to_load(spec):
        raise ModelError(f"no model {spec}")

    monkeypatch.setattr("ragkit.encoders.resolve.load", fail_to_load)
    with pytest.raises(ModelError, match="no model words"):
        collection.index(rebuild=True)
    assert collection.status().pending == 0


def test_a_model_retrained_under_its_name_needs_a_rebuild(
    open_collection, folder, encoder, monkeypatch
):
    collection = open_collection()
    collection.index(folder)
    retrained = OtherEncoder(encoder)
    retrained.name = encoder.name
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: retrained)
    collection._encoders.own_encoder = None
    with pytest.raises(ModelError, match="--rebuild"):
        collection.search("keys")
    assert collection.index(rebuild=True, model=encoder.name).embedded == 4
    assert collection.search("parents at home", k=1)[0].path == "leave.txt"


def test_an_open_collection_follows_a_rebuild_with_another_model(
    open_collection, folder, encoder, monkeypatch
):
    models = {"words": encoder, "others": OtherEncoder(encoder)}
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: models[spec.name])
    reader = open_collection()
    reader.index(folder)
    reader._encoders.own_encoder = None
    reader.search("keys")
    open_collection(other=models["others"]).index(rebuild=True)
    assert reader.search("parents at home", k=1)[0].path == "leave.txt"


def test_documents_are_kept_if_a_disk_fails_and_then_disappears(collection, tmp_path, monkeypatch):
    folder = tmp_path / "disk"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.txt").write_text(f"Number {number}.")
    collection.index(folder)
    for number in range(5):
        (folder / f"{number}.txt").write_text(f"Changed {number}.")
    with monkeypatch.context() as patch:
        patch.setattr(
            "ragkit.ingest.reading._read_bytes",
            lambda *_: (_ for _ in ()).throw(OSError(5, "I/O error")),
        )
        assert collection.index(folder).failed == 5
    shutil.rmtree(folder)
    folder.mkdir()
    report = collection.index(folder)
    assert (report.removed, len(report.warnings)) == (0, 1)
    assert collection.status().passages == 5


def test_excluding_a_large_folder_removes_its_documents(collection, tmp_path):
    folder = tmp_path / "many"
    (folder / "sub").mkdir(parents=True)
    (folder / "stays.txt").write_text("This stays.")
    for number in range(40):
        (folder / "sub" / f"{number}.txt").write_text(f"Number {number}.")
    collection.index(folder)
    report = collection.index(folder, exclude=["sub/"])
    assert (report.removed, report.warnings) == (40, ())
    assert paths(collection) == ["stays.txt"]


def test_a_file_renamed_to_another_extension_is_read_again(collection, folder):
    collection.index(folder)
    (folder / "leave.txt").write_text("# Leave\n\nParents may stay.\n")
    collection.index(folder)
    (folder / "leave.txt").rename(folder / "leave.md")
    collection.index(folder)
    (hit,) = collection.search("parents stay", k=1)
    assert (hit.path, hit.heading) == ("leave.md", ("Leave",))


def test_an_interrupted_rebuild_is_completed_by_the_next_run(open_collection, folder, monkeypatch):
    collection = open_collection()
    collection.index(folder)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ragkit.ingest.writer.CollectionWriter.read_and_embed", interrupt)
        with pytest.raises(KeyboardInterrupt):
            collection.index(rebuild=True)
    report = collection.index()
    assert done(report) == {"updated": 3}
    assert report.embedded == 4


def test_remove_refuses_a_path_that_is_in_two_roots(collection, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    collection.index([folder, tmp_path / "other"])
    with pytest.raises(UsageError, match=r"leave.txt is in several roots"):
        collection.remove("leave.txt")
    assert collection.remove(tmp_path / "other" / "leave.txt") == 1
    assert collection.remove("leave.txt") == 1


@pytest.mark.parametrize("number", ["9" * 18, "9" * 30, "9" * 5000])
def test_an_id_beyond_64_bits_is_unknown(collection, folder, number):
    collection.index(folder)
    with pytest.raises(UsageError, match=r"no (passage|document)"):
        collection.get(number)


def test_get_finds_a_file_whose_name_is_a_number(collection, folder):
    (folder / "2024").write_text("A year.")
    collection.index(folder)
    assert collection.get("2024").text == "A year."


def test_a_deleted_database_is_not_created_again(collection, folder):
    collection.index(folder)
    collection.close()
    (collection.folder / "ragkit.db").unlink()
    with pytest.raises(CollectionError, match=r"ragkit.db cannot be opened"):
        collection.search("keys")
    assert not (collection.folder / "ragkit.db").exists()


def test_a_read_only_collection_is_read_while_its_writer_is_open(
    open_collection, folder, make_read_only
):
    writer = open_collection()
    writer.index(folder)
    with make_read_only(writer.folder):
        reader = open_collection(Settings())
        assert reader.search("parents at home", k=1)[0].path == "leave.txt"


def test_a_full_disk_while_writing_index_files_names_the_remedy(collection, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ragkit.storage.lexical.index.write", full)
    with pytest.raises(
        CollectionError, match=r"No space left on device.*run the same command again"
    ):
        collection.index(folder)
    monkeypatch.undo()
    collection.index(folder)
    assert len(paths(collection)) == 3
    assert collection.search("parents at home", k=1)[0].path == "leave.txt"


def test_a_hidden_root_inside_a_new_one_stays_a_root(collection, folder):
    hidden = folder / ".private"
    hidden.mkdir()
    (hidden / "diary.txt").write_text("Dear diary.")
    collection.index(hidden)
    collection.index(folder)
    assert collection.status().roots == (str(folder), str(hidden))
    assert collection.search("dear diary", k=1)[0].path == "diary.txt"
    assert done(collection.index(hidden)) == {"unchanged": 1}


def test_a_root_with_globs_inside_a_new_one_keeps_them(collection, folder):
    (folder / "sub" / "big.csv").write_text("a,b,c")
    collection.index(folder / "sub", exclude=["*.csv"])
    collection.index(folder)
    assert paths(collection) == ["keys.md", "leave.txt", "cats.txt"]
    assert done(collection.index()) == {"unchanged": 3, "skipped": 1}


def test_globs_for_a_part_of_a_root_are_refused(collection, folder):
    collection.index(folder)
    with pytest.raises(UsageError, match=r"is part of the root"):
        collection.index(folder / "sub", exclude=["*.txt"])


def test_tokens_beyond_the_window_are_counted(open_collection, folder, encoder):
    collection = open_collection()
    encode = encoder.encode_passages
    encoder.encode_passages = lambda texts: (_ for _ in ()).throw(ModelError("away"))
    with pytest.raises(ModelError, match="away"):
        collection.index(folder)
    encoder.encode_passages, encoder.window = encode, 5
    report = collection.index()
    tokens = encoder.count_tokens(encoder.encoded)
    assert (report.embedded, report.tokens) == (4, sum(tokens))
    assert report.truncated_tokens == sum(n - 5 for n in tokens if n > 5) > 0
