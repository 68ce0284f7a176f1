import pytest

from ragkit import user_dirs
from ragkit.errors import UsageError
from ragkit.maintenance import user_cache


@pytest.fixture
def filled(tmp_path):
    """The user's folders with two entries in the cache, one of them with a link in it."""
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    (user_dirs.cache() / "eval" / "x").mkdir(parents=True)
    (user_dirs.cache() / "eval" / "x" / "ragkit.db").write_bytes(b"12345")
    (user_dirs.cache() / "eval" / "link").symlink_to(precious)
    (user_dirs.cache() / "digests.json").write_bytes(b"{}")
    (user_dirs.data() / "default").mkdir(parents=True)
    (user_dirs.data() / "default" / "ragkit.db").write_bytes(b"123")
    user_dirs.config().mkdir(parents=True)
    (user_dirs.config() / "config.toml").write_text("top_k = 3\n")
    return precious


def test_every_entry_has_size_and_purpose(filled):
    entries = {entry.name: entry for entry in user_cache.list_entries()}
    assert {n: (e.bytes >= 2, e.is_cache) for n, e in entries.items()} == {
        "digests.json": (True, True), "eval": (True, True),
        "default": (True, False), "config.toml": (True, False),
    }  # fmt: skip
    assert entries["eval"].purpose == "collections of ragkit eval"
    assert entries["default"].purpose == "the default collection"
    assert entries["default"].bytes == 3


def test_clearing_deletes_what_is_named_and_follows_no_link(filled):
    assert [entry.name for entry in user_cache.clear(["eval"])] == ["eval"]
    assert filled.read_text() == "precious"
    assert [entry.name for entry in user_cache.clear()] == ["digests.json"]
    assert list(user_dirs.cache().iterdir()) == []
    assert (user_dirs.data() / "default" / "ragkit.db").exists()
    assert user_cache.clear() == []


def test_only_entries_of_the_cache_can_be_deleted(filled):
    for name in ("default", "config.toml", "../data", "", "eval/x"):
        with pytest.raises(UsageError, match="is not in the cache, which contains: digests"):
            user_cache.clear(["eval", name])
    assert (user_dirs.cache() / "eval").exists()


def test_without_any_folder_there_is_nothing():
    assert user_cache.list_entries() == []
