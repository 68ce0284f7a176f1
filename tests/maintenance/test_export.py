"""Exports: lossless, streamed, readable by other programs, and checked when they come back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import Collection, Settings, UsageError, trust
from ragkit.maintenance import export as module
from tests.conftest import WordEncoder
from tests.maintenance.tables import SETTINGS, collection_id, content, hits


@pytest.fixture
def filled(collection, folder):
    (folder / "ö.md").write_text("---\nauthor: Ä\u2028 B\n---\n# Üb\n\nFish & chips 🐟.\n")
    (folder / "all.csv").write_text("name,age\nAnn,5\nBob,6\n")
    (folder / "empty.txt").write_text("")
    (folder / "old.bin").write_bytes(bytes(range(256)))
    collection.index(folder)
    (folder / "leave.txt").write_text("Parents may stay at home for a year.\n")
    collection.index()  # ids of removed passages are not used again
    collection.judge("who may stay?", "leave.txt", relevant=True)
    return collection


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def test_an_export_is_lines_of_json_and_numpy_arrays(filled, tmp_path):
    report = filled.export(tmp_path / "export")
    documents = {row["id"]: row for row in lines(tmp_path / "export" / "documents.jsonl")}
    passages = lines(tmp_path / "export" / "passages.jsonl")
    assert (report.documents, report.passages) == (len(documents), len(passages))
    for row in passages:
        document = documents[row["document_id"]]
        assert row["text"] == document["text"][row["start"] : row["end"]]
        assert isinstance(row["heading"], list)
    assert {"author": "Ä\u2028 B"}.items() <= next(
        row["metadata"] for row in documents.values() if "Fish" in row["text"]
    ).items()
    vectors = np.load(tmp_path / "export" / "vectors-1.npy", allow_pickle=False)
    keys = [row["hash"] for row in lines(tmp_path / "export" / "vectors-1.jsonl")]
    assert vectors.shape == (len(keys), WordEncoder.dimension) == (report.vectors, 64)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert {row["hash"] for row in passages} == set(keys)
    manifest = json.loads((tmp_path / "export" / "manifest.json").read_text())
    assert (manifest["format"], manifest["version"]) == ("ragkit-export", 1)
    assert manifest["counts"]["passages"] == report.passages


def test_the_round_trip_is_lossless(filled, tmp_path, encoder):
    filled.export(tmp_path / "export")
    report = Collection.import_export(tmp_path / "export", tmp_path / "copy")
    assert content(tmp_path / "copy") == content(filled.folder)
    assert report.documents == filled.status().documents
    encoded = len(encoder.encoded)
    with Collection(tmp_path / "copy", encoder=encoder, settings=SETTINGS, create=False) as copy:
        assert hits(copy) == hits(filled)
        assert copy.index().unchanged == filled.index().unchanged
    assert len(encoder.encoded) == encoded


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=80)


@settings(max_examples=6)
@given(texts=st.lists(TEXT, max_size=4), removed=st.integers(0, 3))
def test_the_round_trip_is_lossless_whatever_the_documents(tmp_path_factory, texts, removed):
    folder = tmp_path_factory.mktemp("property")
    (folder / "notes").mkdir()
    for number, text in enumerate(texts):
        (folder / "notes" / f"{number}.md").write_text(text, encoding="utf-8", newline="\n")
    source, copy = folder / "source", folder / "copy"
    with Collection(source, encoder=WordEncoder(), settings=Settings(overlap=0)) as collection:
        collection.index(folder / "notes")
        (folder / "notes" / f"{removed}.md").unlink(missing_ok=True)
        collection.index()
        collection.export(folder / "export")
    Collection.import_export(folder / "export", copy)
    assert content(copy) == content(source)
    with Collection(copy, create=False) as collection:
        collection.export(folder / "again")
    for path in (folder / "export").iterdir():
        assert (folder / "again" / path.name).read_bytes() == path.read_bytes()


def test_an_imported_collection_has_an_id_of_its_own_and_is_trusted(filled, tmp_path):
    filled.export(tmp_path / "export")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    target = tmp_path / "repository" / ".ragkit"
    Collection.import_export(tmp_path / "export", target)
    assert collection_id(target) != collection_id(filled.folder)
    assert trust.find(trust.canonical(target)).id == collection_id(target)
    with Collection(target, create=False) as collection:
        assert collection.is_trusted


def test_an_export_of_the_schema_before_judgements_is_read(filled, tmp_path):
    export = tmp_path / "export"
    filled.export(export)
    manifest = json.loads((export / "manifest.json").read_text())
    manifest["schema"] = 4
    del manifest["counts"]["judgements"]
    (export / "manifest.json").write_text(json.dumps(manifest))
    (export / "judgements.jsonl").unlink()
    Collection.import_export(export, tmp_path / "copy")
    copied = content(tmp_path / "copy")
    assert copied.pop("judgements") == []
    assert copied.items() <= content(filled.folder).items()


def test_an_empty_collection_can_be_exported(collection, tmp_path, encoder):
    collection.export(tmp_path / "export")
    Collection.import_export(tmp_path / "export", tmp_path / "copy")
    with Collection(tmp_path / "copy", encoder=encoder) as copy:
        assert copy.status().documents == 0
        assert copy.search("parrots") == []


def test_nothing_is_overwritten(filled, tmp_path):
    filled.export(tmp_path / "export")
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        filled.export(tmp_path / "export")
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        Collection.import_export(tmp_path / "export", filled.folder)


def damaged_line(path, number, **changes):
    rows = lines(path)
    rows[number].update(changes)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


DAMAGE = {
    "a missing manifest": (lambda export: (export / "manifest.json").unlink(), "no export at"),
    "no manifest": (
        lambda export: (export / "manifest.json").write_text("{}"),
        "is not the manifest",
    ),
    "a manifest of another program": (
        lambda export: (export / "manifest.json").write_text('{"format": "other"}'),
        "format is 'other'",
    ),
    "a missing file": (lambda export: (export / "passages.jsonl").unlink(), "is missing"),
    "a link": (
        lambda export: (
            (export / "roots.jsonl").unlink(),
            (export / "roots.jsonl").symlink_to("/etc/hostname"),
        ),
        "not a regular file",
    ),
    "a line cut off": (
        lambda export: (export / "passages.jsonl").write_bytes(
            (export / "passages.jsonl").read_bytes()[:-20]
        ),
        r"passages.jsonl, line \d+: ends in the middle",
    ),
    "fewer lines": (
        lambda export: (export / "passages.jsonl").write_text(
            "\n".join((export / "passages.jsonl").read_text().split("\n")[:2]) + "\n"
        ),
        "is not complete",
    ),
    "no JSON": (
        lambda export: (export / "files.jsonl").write_text("{\n"),
        "files.jsonl, line 1: Expecting",
    ),
    "a list": (lambda export: (export / "files.jsonl").write_text("[1]\n"), "is not a JSON object"),
    "an unknown field": (
        lambda export: damaged_line(export / "documents.jsonl", 0, more=1),
        "documents.jsonl, line 1: has the fields",
    ),
    "a wrong type": (
        lambda export: damaged_line(export / "passages.jsonl", 1, start="x"),
        "passages.jsonl, line 2: start is 'x'",
    ),
    "a number too large": (
        lambda export: damaged_line(export / "passages.jsonl", 0, start=1 << 70),
        "passages.jsonl, line 1",
    ),
    "a parent that does not exist": (
        lambda export: damaged_line(export / "passages.jsonl", 0, document_id=999),
        "passages.jsonl, line 1: FOREIGN KEY",
    ),
    "another text": (
        lambda export: damaged_line(export / "documents.jsonl", 0, text="another"),
        "is damaged: documents whose text",
    ),
    "a vector of another length": (
        lambda export: np.save(export / "vectors-1.npy", np.zeros((2, 3), np.float32)),
        "expected",
    ),
    "vectors cut off": (
        lambda export: (export / "vectors-1.npy").write_bytes(
            (export / "vectors-1.npy").read_bytes()[:-9]
        ),
        "is cut off",
    ),
    "vectors that were changed": (
        lambda export: (export / "vectors-1.npy").write_bytes(
            (export / "vectors-1.npy").read_bytes()[:-8] + bytes(8)
        ),
        "is damaged: vectors",
    ),
    "more vectors": (
        lambda export: (export / "vectors-1.npy").write_bytes(
            (export / "vectors-1.npy").read_bytes() + bytes(4)
        ),
        "more rows",
    ),
    "a pickle": (
        lambda export: np.save(
            export / "vectors-1.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True
        ),
        "expected",
    ),
    "no array": (lambda export: (export / "vectors-1.npy").write_bytes(b"x" * 99), "vectors-1.npy"),
    "no generation": (
        lambda export: (export / "manifest.json").write_text(
            (export / "manifest.json").read_text().replace('"generation"', '"other"')
        ),
        "generation is None",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_export_is_refused_with_the_place(exported, tmp_path, name):
    damage, message = DAMAGE[name]
    damage(exported)
    with pytest.raises(UsageError, match=message):
        Collection.import_export(exported, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_vectors_are_read_in_blocks(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 2)
    filled.export(tmp_path / "export")
    Collection.import_export(tmp_path / "export", tmp_path / "copy")
    assert content(tmp_path / "copy") == content(filled.folder)
