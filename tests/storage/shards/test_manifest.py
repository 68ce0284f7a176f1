import json

import pytest

from ragkit.errors import CollectionError
from ragkit.storage.shards import manifest
from ragkit.storage.shards.manifest import EncoderEntry, Manifest, ShardEntry, ShardFile

DATABASE = ShardFile("ragkit.db", 12, "a" * 64)
WORDS = ShardFile(f"words-v3-7/{'b' * 32}.term", 3, "c" * 64)
SHARD = ShardEntry(0, (DATABASE, WORDS), 1, 2, 2, 2, {"text": 9, "forms": 0})
EXAMPLE = Manifest(
    "0" * 32, 4, 7, EncoderEntry("words", "f" * 64, 64, 60), (SHARD,),
    ShardFile("statistics.db", 5, "d" * 64), '{"spread": 0.1}',
)  # fmt: skip


def changed(**values):
    return json.dumps(json.loads(manifest.to_json(EXAMPLE)) | values).encode()


def with_file(**values):
    record = json.loads(manifest.to_json(EXAMPLE))
    record["shards"][0]["files"][1] |= values
    return json.dumps(record).encode()


def test_a_manifest_is_read_as_it_was_written():
    assert manifest.parse(manifest.to_json(EXAMPLE), "x") == EXAMPLE
    assert [file.name for file in EXAMPLE.all_files()] == [
        "ragkit.db", WORDS.name, "statistics.db"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["../ragkit.db", "/etc/passwd", "words-v3-7/../../x", "a\\b", "C:ragkit.db", "ragkit.db\n",
     "words-v3-7/meta.json/x", "ragkit.db-wal", "", ".", 7, None],
)  # fmt: skip
def test_only_names_that_ragkit_generates_are_accepted(name):
    with pytest.raises(CollectionError, match="is not the name of a file of ragkit"):
        manifest.parse(with_file(name=name), "x")


def with_tokens(**tokens):
    record = json.loads(manifest.to_json(EXAMPLE))
    record["shards"][0]["tokens"] = tokens
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged"),
        (b"[]", "ragkit-shards"),
        (b"[" * 100_000, "damaged"),
        (b"\xff\xfe", "damaged"),
        (changed(format="other"), "ragkit-shards"),
        (changed(version=0), "version 0; expected 1"),
        (changed(id="../x"), "32 hexadecimal digits"),
        (changed(generation=-1), "-1 is no count"),
        (changed(generation=True), "True is no count"),
        (changed(shards=[]), "0 shards"),
        (changed(shards=[{"number": 1, "files": []}]), "no ragkit.db"),
        (with_file(sha256="A" * 64), "64 hexadecimal digits"),
        (with_file(sha256=None), "64 hexadecimal digits"),
        (with_file(bytes=1.5), "is no count"),
        (with_file(name="ragkit.db"), "names a file twice"),
        (changed(fusion=3), "fusion"),
        (with_tokens(text=10**12), "counts 1,000,000,000,000 terms of 'text'"),
        (with_tokens(id=1), "counts 1 terms of 'id'"),
        (json.dumps({"format": "ragkit-shards", "version": 1}).encode(), "'id' is missing"),
    ],
)
def test_a_damaged_manifest_is_named_with_the_remedy(data, message):
    with pytest.raises(CollectionError, match=message) as raised:
        manifest.parse(data, "/shared/kit/manifest.json")
    assert str(raised.value).startswith("/shared/kit/manifest.json is damaged: ")
    assert "ragkit index" in str(raised.value)


def test_a_missing_shard_is_named():
    record = json.loads(manifest.to_json(EXAMPLE))
    record["shards"].append(record["shards"][0] | {"number": 2})
    with pytest.raises(CollectionError, match="shard 1 is missing"):
        manifest.parse(json.dumps(record).encode(), "x")


def test_a_newer_manifest_and_other_schemas_are_refused():
    with pytest.raises(CollectionError, match=r"newer ragkit \(manifest version 2; .*pip install"):
        manifest.parse(changed(version=2, shards="unknown"), "x")
    with pytest.raises(CollectionError, match=r"newer ragkit \(schema 7; .*pip install"):
        manifest.check_schema(EXAMPLE, 6, "x")
    with pytest.raises(CollectionError, match=r"older ragkit \(schema 7; .*ragkit index"):
        manifest.check_schema(EXAMPLE, 8, "x")


def test_the_digest_of_a_shard_changes_with_its_content():
    other = ShardEntry(0, (DATABASE,), 1, 2, 2, 2)
    assert SHARD.digest != other.digest
    assert SHARD.digest == ShardEntry(0, (WORDS, DATABASE), 5, 5, 5, 5).digest
