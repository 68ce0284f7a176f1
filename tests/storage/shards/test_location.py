import hashlib

import pytest

from ragkit.errors import CollectionError, UnavailableError
from ragkit.storage.shards.location import ShardLocation, is_remote, link_or_copy
from ragkit.storage.shards.manifest import ShardFile


def published_file(path, content=b"content", name="ragkit.db"):
    path.write_bytes(content)
    return ShardFile(name, len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture(params=["folder", "memory"])
def location(request, tmp_path):
    if request.param == "folder":
        return ShardLocation(tmp_path / "kit")
    pytest.importorskip("fsspec")
    return ShardLocation(f"memory://{tmp_path.name}")


def test_an_address_has_a_scheme():
    assert is_remote("s3://bucket/kit")
    assert not is_remote("kit")
    assert not is_remote("/srv/a://b")
    assert not is_remote("C:/kit")


def test_a_file_is_read_as_it_was_put(location, tmp_path):
    file = published_file(tmp_path / "source")
    assert not location.has(file)
    location.put(tmp_path / "source", file)
    location.put(tmp_path / "source", file)
    assert location.has(file)
    assert location.stored_names() == [file.sha256]
    location.get(file, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"
    location.delete(file.sha256)
    location.delete(file.sha256)
    assert location.stored_names() == []


def test_small_files_are_replaced(location):
    assert location.read("manifest.json", 100) is None
    location.write("manifest.json", b"one")
    location.write("manifest.json", b"two")
    assert location.read("manifest.json", 100) == b"two"
    assert location.read("manifest.json", 3) == b"two"
    with pytest.raises(CollectionError, match=r"manifest\.json"):  # of somebody else, endless
        location.read("manifest.json", 2)


def test_a_damaged_or_missing_file_is_named_and_not_kept(location, tmp_path):
    file = published_file(tmp_path / "source")
    with pytest.raises(CollectionError, match=rf"{file.sha256} \(ragkit.db\) is missing.*index"):
        location.get(file, tmp_path / "copy")
    (tmp_path / "source").write_bytes(b"another")  # as long as it should be
    location.put(tmp_path / "source", file)
    with pytest.raises(CollectionError, match=r"is damaged: its checksum.*ragkit index"):
        location.get(file, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_an_unknown_scheme_is_named():
    pytest.importorskip("fsspec")
    with pytest.raises(CollectionError, match=r"cannot reach nowhere://x.*Check the address"):
        ShardLocation("nowhere://x")


def test_without_fsspec_the_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(UnavailableError, match=r"memory://x needs the package fsspec"):
        ShardLocation("memory://x")


def test_a_link_is_neither_linked_nor_copied(tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="not a regular file"):
        link_or_copy(tmp_path / "link", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
