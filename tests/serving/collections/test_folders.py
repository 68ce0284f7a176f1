"""What requests may add, and what they may not."""

import pytest

from ragkit.errors import UsageError
from ragkit.serving.collections.folders import AddedFolders, FolderRights, folder_rights


@pytest.fixture
def served(library):
    return library["default"]


@pytest.fixture
def documents(tmp_path):
    (tmp_path / "Documents" / "hr" / "old").mkdir(parents=True)
    (tmp_path / "Documents" / ".secret").mkdir()
    (tmp_path / "Documents" / "way").symlink_to(tmp_path)
    return tmp_path / "Documents"


def test_without_rights_nothing_is_added_and_the_reason_names_the_option(served):
    folders = AddedFolders()
    with pytest.raises(UsageError, match="--add-from DIR"):
        folders.add(served, "hr")
    with pytest.raises(UsageError, match="--upload-to DIR"):
        folders.store(served, "a.txt", b"text")


def test_visible_folders_below_an_allowed_one_can_be_added(served, documents):
    folders = AddedFolders(folder_rights([str(documents)], None))
    assert folders.choices() == ["Documents", "Documents/hr", "Documents/hr/old"]
    before = dict(served.roots)
    assert folders.add(served, "Documents/hr") == "hr"
    assert folders.add(served, "Documents/hr") == "hr"  # it is there already
    assert served.roots == {**before, "hr": str(documents / "hr")}


LABELS = (
    "", "Documents/..", "Documents/../x", "Documents/.secret", "Documents/way", "Documents/gone",
     "/etc", "Documents//etc/../..", "hr", "Documents/hr\0", "Documents/way/kits", "Documents2"
)  # fmt: skip


def test_no_other_folder_can_be_added(served, documents):
    folders = AddedFolders(folder_rights([str(documents)], None))
    before = dict(served.roots)
    for label in LABELS:
        with pytest.raises(UsageError):
            folders.add(served, label)
    assert served.roots == before


def test_a_file_is_stored_and_never_overwrites_another(served, tmp_path):
    folders = AddedFolders(FolderRights(upload_to=str(tmp_path)))
    first, label = folders.store(served, "a.txt", b"one")
    assert served.roots[label] == str(tmp_path)
    again, _ = folders.store(served, "a.txt", b"one")
    other, _ = folders.store(served, "a.txt", b"two")
    third, _ = folders.store(served, "README", b"text")
    assert [(file.name, file.is_new) for file in (first, again, other, third)] == [
        ("a.txt", True), ("a.txt", False), ("a (2).txt", True), ("README", True),
    ]  # fmt: skip
    assert (tmp_path / "a.txt").read_bytes() == b"one"
    assert (tmp_path / "a (2).txt").read_bytes() == b"two"


NAMES = (
    "../a.txt", "a/b.txt", "..", ".hidden", "a\\b.txt", "C:a.txt", "a\n.txt", " a.txt", "con.txt",
    "a.txt.", "x" * 201, "a\0.txt", "~a.txt"
)  # fmt: skip


def test_names_that_lead_elsewhere_are_refused(served, tmp_path):
    folders = AddedFolders(FolderRights(upload_to=str(tmp_path)))
    before = sorted(tmp_path.iterdir())
    for name in NAMES:
        with pytest.raises(UsageError, match="cannot be the name"):
            folders.store(served, name, b"text")
    assert sorted(tmp_path.iterdir()) == before


def test_programs_are_not_stored(served, tmp_path):
    folders = AddedFolders(FolderRights(upload_to=str(tmp_path)))
    with pytest.raises(UsageError, match="ELF program"):
        folders.store(served, "notes.txt", b"\x7fELF" + bytes(60))
    assert not (tmp_path / "notes.txt").exists()


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        folder_rights([], str(tmp_path / "gone"))
