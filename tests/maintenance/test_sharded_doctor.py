import pytest

from ragkit import Collection
from ragkit.errors import UsageError
from ragkit.storage.shards.location import FILES
from tests.storage.shards.conftest import published  # noqa: F401


def diagnoses(report):
    return {entry.name: entry.severity for entry in report.diagnoses}


def test_an_intact_collection(published, encoder):  # noqa: F811
    location, _, _ = published
    report = Collection.doctor(location.folder, encoder=encoder)
    assert diagnoses(report) == {
        "manifest": "ok", "files": "ok", "shard 0": "ok", "shard 1": "ok"
    }  # fmt: skip
    assert report.usable
    assert report.counts["passages"] == 4


def test_a_damaged_file_is_named(published, encoder):  # noqa: F811
    location, manifest, _ = published
    file = manifest.shards[1].files[0]
    (location.folder / FILES / file.sha256).write_bytes(b"x" * file.bytes)
    report = Collection.doctor(location.folder, encoder=encoder)
    assert diagnoses(report) == {"manifest": "ok", "files": "error", "shard 0": "ok"}
    assert not report.usable
    (entry,) = (entry for entry in report.diagnoses if entry.severity == "error")
    assert file.sha256 in entry.found
    assert "ragkit index" in entry.remedy


def test_a_damaged_manifest(published, encoder):  # noqa: F811
    location, _, _ = published
    (location.folder / "manifest.json").write_text("{}")
    report = Collection.doctor(location.folder, encoder=encoder)
    assert diagnoses(report) == {"manifest": "error"}


def test_published_files_are_not_repaired(published):  # noqa: F811
    with pytest.raises(UsageError, match=r"never changed. To publish it again: ragkit -c .* index"):
        Collection.doctor(published[0].folder, repair=True)
