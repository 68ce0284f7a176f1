"""What was not read never counts as read: status, coverage, `--strict` and `ls --why` per format.

Each row of the table of formats is one file of one folder; the second half mixes files at random.
"""

import itertools
import random

import pytest

from ragkit import Collection
from ragkit.cli.output.coverage import format_coverage, format_missing
from ragkit.documents.registry import FORMATS
from ragkit.documents.unread_formats import UNREAD_FORMATS
from ragkit.records import media_types
from ragkit.records.reports import UNREAD_STATUSES
from ragkit.storage.sqlite.file_status import LEFT_OUT_KINDS, is_missing
from tests.conftest import WordEncoder
from tests.documents.files import make_zip
from tests.documents.mail_files import make_ole2

CHM = b"ITSF" + bytes(20)
ELF = b"\x7fELF" + bytes(60)
_NOISE = bytes(range(32)) * 9
_CONTENTS = {
    media_types.BINARY: _NOISE,
    media_types.OLE2_ANY: make_ole2({"Other": b"x"}),
    "image/svg+xml": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "application/x-slack-list+json": b'[{"id": "U01", "profile": {}}]',
}
_NAMES = {"application/x-slack-list+json": "users.json"}  # the name decides, too


def sample(row):
    """Return the name and the content of a file of this format, as the table recognises it."""
    data, extensions = b"The pump hums.\n", row.extensions
    if row.magic:
        data = row.magic[0] + bytes(99)
    elif row.signatures:
        pieces = dict(row.signatures[0])
        data = b""
        for offset in sorted(pieces):
            data = data.ljust(offset, b"\0") + pieces[offset]
        data += bytes(99)
    elif row.zip_mimetypes:
        data = make_zip({"mimetype": row.zip_mimetypes[0]})
    elif row.zip_members:
        data = make_zip({row.zip_members[0]: "x"})
    elif row.ole2_streams:
        data = make_ole2({row.ole2_streams[0].rstrip("\0"): b"x"})
    elif row.binary_extensions or row.media_type in _CONTENTS:
        data, extensions = _CONTENTS.get(row.media_type, _NOISE), row.binary_extensions
    return f".{extensions.split()[0]}" if extensions else ".bin", data


SAMPLES = {
    _NAMES.get(row.media_type, f"{number:03}{sample(row)[0]}"): (row, sample(row)[1])
    for number, row in enumerate(FORMATS.values())
}
WITHOUT_A_READER = [name for name, (row, _) in SAMPLES.items() if row.reason_kind == "unsupported"]


@pytest.fixture(scope="module")
def formats(tmp_path_factory):
    """Return a collection of one file per format, the report of its run, and path → status."""
    folder = tmp_path_factory.mktemp("formats")
    for name, (_, data) in SAMPLES.items():
        (folder / name).write_bytes(data)
    with Collection(folder / ".ragkit", encoder=WordEncoder()) as collection:
        report = collection.index(folder)
        yield collection, report, {file.path: file for file in collection.files()}


def test_there_are_25_formats_without_a_reader():
    assert len(UNREAD_FORMATS) >= 25
    assert len(WITHOUT_A_READER) >= 25


@pytest.mark.parametrize("name", WITHOUT_A_READER)
def test_a_format_without_a_reader_is_unsupported_and_missing(formats, name):
    collection, report, files = formats
    row, file = SAMPLES[name][0], files[name]
    assert (file.status, file.kind, file.reason) == ("unsupported", "unsupported", row.reason)
    assert name in {missing.path for missing in report.missing}  # `--strict` fails
    explanation = collection.explain(f"{file.root}/{name}")
    assert explanation.state == "unsupported"
    assert row.reason in explanation.answer
    assert explanation.remedy.endswith(f"then: ragkit index {file.root}")
    assert "FILE" not in explanation.remedy.split()


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in WITHOUT_A_READER])
def test_every_other_format_is_read_missing_or_no_document(formats, name):
    _, report, files = formats
    row, file = SAMPLES[name][0], files[name]
    is_reported = name in {missing.path for missing in report.missing}
    if row.reason:
        assert file.status == ("failed" if row.reason_kind == "encrypted" else "skipped")
        assert file.kind == row.reason_kind
        assert is_reported == (row.reason_kind == "encrypted")
    elif row.in_process:
        assert (file.status, is_reported) == ("indexed", False)
    else:  # often no more than the first bytes of such a file
        assert file.status in ("indexed", "empty", *UNREAD_STATUSES)
        assert is_reported == (file.status in UNREAD_STATUSES and file.kind not in LEFT_OUT_KINDS)


def test_the_coverage_counts_the_formats_without_a_reader(formats):
    collection, report, _ = formats
    missing = len(WITHOUT_A_READER)
    assert report.unsupported == missing
    status = collection.status()
    assert status.files["unsupported"] == missing
    assert status.coverage.missing["unsupported"] == report.coverage.missing["unsupported"]
    assert f"{missing} in an unsupported format" in format_coverage(status.coverage)
    reasons = {row.reason for row, _ in SAMPLES.values() if row.reason_kind == "unsupported"}
    assert reasons <= set(status.reasons)  # each with a way to convert it
    assert "--strict fails" in format_missing(report.missing)


_FILES = {
    "note.txt": b"Green tea.",
    "blank.txt": b" \n",
    "map.chm": CHM,
    "tool.bin": ELF,
    "cut.pdf": b"%PDF-1.4 cut off",
    "logo.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
}


def _archive(names):
    return make_zip({f"{number}/{name}": _FILES[name] for number, name in enumerate(names)})


def _random_contents(count):
    """Return single files, and archives with up to four files (tuples), in a fixed random order."""
    chance = random.Random(19)
    for _ in range(count):
        names = chance.choices(sorted(_FILES), k=chance.randrange(5))
        yield tuple(names) if chance.random() < 0.7 else chance.choice(sorted(_FILES))


def test_each_file_is_in_exactly_one_of_read_missing_and_no_document(tmp_path, collection):
    folder = tmp_path / "mixed"
    folder.mkdir()
    members = {}
    for number, content in enumerate(_random_contents(80)):
        is_archive = isinstance(content, tuple)
        name = f"{number}.zip" if is_archive else f"{number}{content[content.index('.') :]}"
        (folder / name).write_bytes(_archive(content) if is_archive else _FILES[content])
        members[name] = content if is_archive else ()
    report = collection.index(folder)
    files = {file.path: file for file in collection.files()}
    coverage = collection.status().coverage
    assert set(files) == set(members)
    groups = {"read": set(), "missing": set(), "no document": set()}
    for path, file in files.items():
        if file.status not in UNREAD_STATUSES:
            groups["read"].add(path)
        groups["missing" if is_missing(file) else "no document"].update(
            {path} if file.status in UNREAD_STATUSES else ()
        )
    for one, other in itertools.combinations(groups.values(), 2):
        assert not one & other
    assert len(groups["read"]) == coverage.read
    assert len(groups["missing"]) == sum(coverage.missing.values())
    assert len(groups["no document"]) == sum(coverage.left_out.values())
    named = {missing.path for missing in report.missing}
    assert groups["missing"] <= named
    for path, names in members.items():
        for number, name in enumerate(names):
            record = f"{number}/{name}"
            unread = {part.record: part for part in files[path].unread}
            if name in ("note.txt", "blank.txt"):
                assert record not in unread, names
            elif len(names) > 1:  # the reason of a single member is that of the archive
                assert record in unread, names
            is_document = name in ("map.chm", "cut.pdf")
            assert not is_document or f"{path}/{record}" in named or path in named
