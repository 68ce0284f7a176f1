"""Limits on unpacked bytes, counted as they come out."""

import io
import zipfile

import pytest

from ragkit.documents.read import read
from ragkit.documents.unpacking import limits
from ragkit.documents.unpacking.limits import ByteAllowance, limit_chunks, open_zip
from ragkit.errors import DocumentError
from tests.documents.files import make_zip


def test_chunks_pass_until_the_allowance_is_used_up():
    allowance = ByteAllowance(10)
    pieces = limit_chunks([b"abc", b"defg", b"hijk"], 11, "a", allowance)
    assert [next(pieces), next(pieces)] == [b"abc", b"defg"]
    assert allowance.remaining == 3
    with pytest.raises(DocumentError, match=r"^inflates to over 256 MB$"):
        next(pieces)


@pytest.mark.parametrize(
    ("packed", "max_bytes", "reason"),
    [
        (10_000, 99_000_000, "a.xml inflates to over 200 times its size"),
        (10_000_000, 3_000_000, "a.xml inflates to over 3 MB"),
    ],
)
def test_a_member_has_limits_of_its_own(packed, max_bytes, reason):
    pieces = [bytes(1_000_000)] * 9
    with pytest.raises(DocumentError, match=reason):
        list(limit_chunks(pieces, packed, "a.xml", ByteAllowance(), max_bytes))


def test_small_members_have_no_limit_on_the_ratio():
    with open_zip(make_zip({"a": "x" * 3_000_000}), "docx") as package:
        assert len(package.read("a")) == 3_000_000


def test_members_of_one_file_share_its_allowance():
    data = make_zip({"a": "x" * 60, "b": "y" * 60})
    with (
        pytest.raises(DocumentError, match="inflates to over 256 MB"),
        open_zip(data, "docx", ByteAllowance(100)) as package,
    ):
        assert package.read("a") == b"x" * 60
        package.read("b")


def test_the_declared_size_of_a_member_is_not_trusted():
    data = bytearray(make_zip({"a": "x" * 1000}))
    at = data.index(b"PK\x01\x02") + 24  # the size, in the directory
    data[at : at + 4] = (10).to_bytes(4, "little")
    with (
        pytest.raises(DocumentError, match="damaged docx: Bad CRC-32"),
        open_zip(bytes(data), "docx") as package,
    ):
        package.read("a")


def test_a_zip_with_too_many_entries_is_not_read(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMBERS", 3)
    data = make_zip(dict.fromkeys(("word/document.xml", "b", "c", "d"), ""))
    with pytest.raises(DocumentError, match="docx with over 3 members"), open_zip(data, "docx"):
        pass
    with pytest.raises(DocumentError) as caught:
        read(data, "a.docx")
    assert str(caught.value) == "zip archive of documents"


def test_an_unknown_compression_method_is_damage():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "x")
    data = bytearray(buffer.getvalue())
    data[8] = data[data.index(b"PK\x01\x02") + 10] = 97
    with (
        pytest.raises(DocumentError, match="damaged docx: "),
        open_zip(bytes(data), "docx") as package,
    ):
        package.read("a")


def test_many_parts_that_are_too_large_together_are_refused():
    """None of the forty slides of 8 MB is too large alone."""
    from tests.documents.office_files import make_pptx

    slide = "".join(f"<!--{number:0100}-->" for number in range(75_000))
    assert 7_500_000 < len(slide) < 8_500_000
    data = make_pptx(*[slide] * 40)
    with pytest.raises(DocumentError, match="inflates to over 256 MB"):
        read(data, "a.pptx")
