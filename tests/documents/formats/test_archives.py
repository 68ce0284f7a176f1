"""Zip and tar archives: every member has its content, or the reason why it is not read."""

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from pyzipper import WZ_AES, AESZipFile

from ragkit.documents.formats import archives
from ragkit.documents.formats.archives import tar_members, zip_members
from ragkit.documents.read import read_all
from ragkit.documents.unpacking import limits
from ragkit.documents.unpacking.limits import Budget, BudgetExceededError
from ragkit.errors import DocumentError
from tests.documents.files import make_zip

SAMPLES = Path(__file__).parents[1] / "samples"


def make_tar(*members):
    """Return a tar file. `members`: (name or TarInfo, content)."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def special_member(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def contents(members):
    return {member.name: member.data for member in members if member.reason is None}


def reasons(members):
    return {
        member.name: (member.reason, member.kind, member.skipped)
        for member in members
        if member.reason is not None
    }


def test_zip_members_in_directory_order():
    data = make_zip({"b.txt": "one", "folder/": "", "folder/a.txt": "two", "x\\y.txt": "three"})
    members = list(zip_members(data, "a.zip", Budget()))
    assert [member.name for member in members] == ["b.txt", "folder/a.txt", "x/y.txt"]
    assert [member.data for member in members] == [b"one", b"two", b"three"]


def test_tar_members_in_file_order():
    folder, _ = special_member("folder", tarfile.DIRTYPE)
    data = make_tar(("b.txt", b"one"), (folder, b""), ("folder/a.txt", b"two"))
    members = tar_members(data, "a.tar", Budget())
    assert contents(members) == {"b.txt": b"one", "folder/a.txt": b"two"}


@pytest.mark.parametrize("name", [".env", "a/.git/config", "__MACOSX/a.md"])
def test_hidden_members_are_skipped(name):
    expected = {name: ("hidden", "hidden", True)}
    assert reasons(zip_members(make_zip({name: "x"}), "a.zip", Budget())) == expected
    assert reasons(tar_members(make_tar((name, b"x")), "a.tar", Budget())) == expected


def test_dots_in_a_path_do_not_hide_a_member():
    data = make_tar(("./a/../b.txt", b"x"))
    assert contents(tar_members(data, "a.tar", Budget())) == {"./a/../b.txt": b"x"}


def test_links_and_devices_in_a_tar_are_skipped():
    data = make_tar(
        special_member("soft", tarfile.SYMTYPE, "/etc/passwd"),
        special_member("hard", tarfile.LNKTYPE, "soft"),
        special_member("device", tarfile.CHRTYPE),
        special_member("pipe", tarfile.FIFOTYPE),
    )
    assert reasons(tar_members(data, "a.tar", Budget())) == {
        "soft": ("symbolic link", "link", True),
        "hard": ("hard link", "link", True),
        "device": ("not a regular file", "special", True),
        "pipe": ("not a regular file", "special", True),
    }


def test_a_symbolic_link_in_a_zip_is_skipped():
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16  # Unix mode: S_IFLNK
    members = zip_members(make_zip({info: "/etc/passwd"}), "a.zip", Budget())
    assert reasons(members) == {"link": ("symbolic link", "link", True)}


def set_directory_field(data, offset, value):
    """Return a zip with a 16-bit field of its first directory entry changed (APPNOTE 4.3.12)."""
    data = bytearray(data)
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + offset, value)
    return bytes(data)


def test_an_encrypted_member_has_its_reason():
    data = set_directory_field(make_zip({"a.txt": "secret"}), 8, 0x1)  # general purpose flags
    members = zip_members(data, "a.zip", Budget())
    assert reasons(members) == {"a.txt": ("encrypted: needs a password", "encrypted", False)}


def test_an_unknown_compression_method_has_its_reason():
    data = set_directory_field(make_zip({"a.txt": "x"}), 10, 98)  # compression method: PPMd
    members = zip_members(data, "a.zip", Budget())
    assert reasons(members) == {"a.txt": ("unknown compression method (98)", "unsupported", False)}


def test_a_damaged_zip_member_does_not_affect_the_others():
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("a.txt", b"first")
        archive.writestr("b.txt", b"second")
    data = bytearray(stored.getvalue())
    data[data.index(b"first")] ^= 1
    members = list(zip_members(bytes(data), "a.zip", Budget()))
    assert contents(members) == {"b.txt": b"second"}
    ((reason, kind, skipped),) = reasons(members).values()
    assert reason.startswith("damaged zip member: Bad CRC-32")
    assert (kind, skipped) == ("damaged", False)


def test_a_truncated_tar_keeps_the_complete_members():
    data = make_tar(("a.txt", b"first"), ("b.txt", b"x" * 5000))[:2000]
    members = tar_members(data, "a.tar", Budget())
    first, second = next(members), next(members)
    assert (first.name, first.data) == ("a.txt", b"first")
    assert (second.name, second.reason) == ("b.txt", "damaged tar member: unexpected end of data")
    with pytest.raises(DocumentError, match=r"^damaged tar file, the rest is not read: "):
        next(members)


@pytest.mark.parametrize(
    ("read", "data", "reason"),
    [
        (zip_members, b"PK\x05\x06", "damaged zip file: its directory cannot be read"),
        (tar_members, b"no tar file" * 100, "damaged tar file: "),
    ],
)
def test_files_that_are_no_archives_are_refused(read, data, reason):
    with pytest.raises(DocumentError, match=f"^{reason}"):
        list(read(data, "a", Budget()))


def test_too_many_members_are_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMBERS", 2)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    names = ("a", "b", "c")
    with pytest.raises(DocumentError, match=r"^zip file with over 2 members: not read$"):
        list(zip_members(make_zip(dict.fromkeys(names, "")), "a.zip", Budget()))
    members = tar_members(make_tar(*((name, b"") for name in names)), "a.tar", Budget())
    assert [next(members).name, next(members).name] == ["a", "b"]
    with pytest.raises(BudgetExceededError, match=r"^the rest is not read: over 2 members$"):
        next(members)


def test_a_member_over_its_compression_ratio_has_its_reason():
    # Zeros compress about a thousandfold; the limit is two hundredfold from 4 MB on.
    members = zip_members(make_zip({"a": bytes(5_000_000), "b": "x"}), "a.zip", Budget())
    assert list(reasons(members)) == ["a"]


def make_aes_zip(password, *members):
    output = io.BytesIO()
    with AESZipFile(output, "w", zipfile.ZIP_DEFLATED, encryption=WZ_AES) as archive:
        archive.setpassword(password)
        for name, content in members:
            archive.writestr(name, content)
    return output.getvalue()


def test_members_with_aes_are_read_with_their_password():
    data = make_aes_zip("Grüße".encode(), ("a.txt", "one"), ("b/c.txt", "two"))
    found = zip_members(data, "a.zip", Budget(), ["wrong", "Grüße"])
    assert contents(found) == {"a.txt": b"one", "b/c.txt": b"two"}
    expected = ("encrypted: needs a password", "encrypted", False)
    assert reasons(zip_members(data, "a.zip", Budget(), ["wrong"])) == dict.fromkeys(
        ("a.txt", "b/c.txt"), expected
    )


def test_members_of_the_old_method_are_read_with_their_password():
    data = (SAMPLES / "encrypted" / "old-method.zip").read_bytes()
    wrong = [f"wrong {number}" for number in range(300)]  # one of them pass the check of one byte
    found = list(zip_members(data, "a.zip", Budget(), [*wrong, "secret two"]))
    assert contents(found)["depot.txt"] == b"The depot key hangs behind the door.\n"
    assert contents(found)["open.txt"] == b"Open to all.\n"
    assert set(reasons(zip_members(data, "a.zip", Budget()))) == {"depot.txt"}


def test_the_password_may_have_been_typed_on_windows():
    data = make_aes_zip("Grüße".encode("cp1252"), ("a.txt", "one"))
    assert contents(zip_members(data, "a.zip", Budget(), ["Grüße"])) == {"a.txt": b"one"}


def test_an_encrypted_member_is_read_within_the_budget():
    data = make_aes_zip(b"x", ("a.txt", b"\0" * 4_200_000))
    ((reason, kind, _),) = reasons(zip_members(data, "a.zip", Budget(), ["x"])).values()
    assert kind == "limit"
    assert "inflates" in reason


def test_without_pyzipper_the_reason_names_the_extra(monkeypatch):
    monkeypatch.setattr(archives, "_has_pyzipper", lambda: False)
    data = make_aes_zip(b"x", ("a.txt", "one"))
    ((reason, kind, _),) = reasons(zip_members(data, "a.zip", Budget(), ["x"])).values()
    assert kind == "encrypted"
    assert "ragkit-search[encrypted]" in reason


def test_an_encrypted_file_in_an_encrypted_archive():
    data = make_aes_zip(b"x", ("in/aes.pdf", (SAMPLES / "encrypted" / "aes256.pdf").read_bytes()))
    records = {r.name: r for r in read_all(data, "a.zip", passwords=["x", "Grüße 1"])}
    assert records["in/aes.pdf"].document.text == "The vault opens at nine."
    assert "NX-2040" in records["in/aes.pdf/list.csv"].document.text


def test_the_directory_of_a_zip_with_aes_is_read_once(monkeypatch):
    data = make_aes_zip(b"x", *((f"{number}.txt", "text") for number in range(9)))
    opened = []

    def open_zip(file):
        opened.append(file)
        return AESZipFile(file)

    monkeypatch.setattr("pyzipper.AESZipFile", open_zip)
    assert len(contents(zip_members(data, "a.zip", Budget(), ["wrong", "x"]))) == 9
    assert len(opened) == 1


def test_a_damaged_field_of_aes_does_not_affect_the_other_members():
    data = bytearray(make_aes_zip(b"x", ("a.txt", "one"), ("b.txt", "two")))
    field = data.index(b"\x01\x99\x07\x00", data.index(b"PK\x01\x02"))
    data[field + 8] = 9  # the strength of a.txt: there are 1 to 3
    members = list(zip_members(bytes(data), "a.zip", Budget(), ["x"]))
    assert contents(members) == {"b.txt": b"two"}
    assert reasons(members)["a.txt"] == ("encrypted: needs a password", "encrypted", False)
