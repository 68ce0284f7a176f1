"""The stored status of each file, and the coverage computed from it."""

import pytest

from ragkit.records.reports import Coverage
from ragkit.storage.sqlite.file_status import sum_coverage
from tests.documents.files import make_pdf, make_zip


@pytest.fixture
def index_files(collection, tmp_path):
    """Return a function that indexes files and returns their rows by path."""

    def index(**files):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        for name, data in files.items():
            path = folder / name.replace("_", ".")
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        collection.index(folder)
        return {file.path: file for file in collection.files()}

    return index


def test_type_and_encoding_name_their_source(index_files):
    files = index_files(
        a_txt="\ufeffGrün".encode(),
        b_csv="a,b\n1,2\n3,4\n",
        c_txt="<!doctype html><p>Grün",
        d_txt="Le café est déjà fermé, où sont les élèves ?".encode("latin-1"),
        e_html='<meta charset="koi8-r"><p>Привет'.encode("koi8-r"),
        f_txt="Grün ist der Tee, und gut.".encode("utf-16-le"),
    )
    detected = {
        path: (file.media_type, file.media_type_by, file.encoding, file.encoding_by)
        for path, file in files.items()
    }
    assert detected == {
        "a.txt": ("text/plain", "name", "utf-8", "bom"),
        "b.csv": ("text/csv", "name", "utf-8", "valid"),
        "c.txt": ("text/html", "content", "utf-8", "valid"),
        "d.txt": ("text/plain", "name", "latin-1", "guessed"),
        "e.html": ("text/html", "name", "koi8-r", "declared"),
        "f.txt": ("text/plain", "name", "utf-16-le", "zeros"),
    }


def test_a_table_and_an_archive_have_their_sizes(index_files):
    files = index_files(
        t_csv="a,b\n1,2\n3,4\n", z_zip=make_zip({"x.csv": "a,b\n1,2\n", "y.txt": "Tea."})
    )
    table, archive = files["t.csv"], files["z.zip"]
    assert (table.size, table.characters, table.tables, table.documents) == (12, 17, 1, 1)
    assert (archive.tables, archive.documents, archive.media_type_by) == (1, 2, "content")
    assert table.tokens > 0 and table.truncated_tokens == 0 and table.seconds > 0
    assert table.indexed_at.endswith("+00:00")


def test_pages_without_text_are_counted(index_files):
    file = index_files(a_pdf=make_pdf(["One is the first.", "", "Three is the last."]))["a.pdf"]
    assert (file.status, file.pages, file.empty_pages) == ("indexed", 3, 1)


def test_coverage_counts_files_that_may_contain_documents(index_files, collection):
    index_files(
        a_txt="Tea.",
        b_pdf=b"%PDF-1.7 broken",
        c_png=b"\x89PNG\r\n\x1a\n" + bytes(100),
        d_7z=b"7z\xbc\xaf\x27\x1c" + bytes(100),
        e_zip=make_zip(
            {"in.txt": "Coffee.", "p.pdf": "%PDF-1.4 cut", "i.png": "\x89PNG\r\n\x1a\n"}
        ),
        _hidden="x",
    )
    assert collection.status().coverage == Coverage(
        files=4,
        read=2,
        missing={"damaged": 1, "unsupported": 1},
        left_out={"hidden": 1, "image": 1},
        missing_parts={"damaged": 1},
    )
    report = collection.index()
    assert report.coverage == collection.status().coverage
    assert [(file.path, file.kind) for file in report.missing] == [
        ("b.pdf", "damaged"),
        ("d.7z", "unsupported"),
        ("e.zip/p.pdf", "damaged"),
    ]


def test_unread_files_are_listed_with_reasons_in_pages(index_files, collection):
    broken = {"in.txt": "Coffee.", "p.pdf": "%PDF-1.4 cut", "i.png": "\x89PNG\r\n\x1a\n"}
    index_files(
        a_txt="Tea.", b_pdf=b"%PDF-1.7 broken", d_7z=b"7z\xbc\xaf\x27\x1c" + bytes(100),
        e_zip=make_zip(broken), f_zip=make_zip({"in.txt": "Cocoa.", ".x": "hidden"}), _hidden="x",
    )  # fmt: skip
    first, (other,) = collection.not_read(0, 2), collection.not_read(left_out=True)
    (last,) = collection.not_read(first[-1].id, 2)
    assert [(file.path, file.kind, file.parts_count) for file in (*first, last, other)] == [
        ("b.pdf", "damaged", 0), ("d.7z", "unsupported", 0), ("e.zip", None, 1),
        (".hidden", "hidden", 0),
    ]  # fmt: skip
    assert [(part.path, part.kind) for part in last.parts] == [("e.zip/p.pdf", "damaged")]
    assert all(file.reason for file in (*first, *last.parts, other))
    assert last.reason is None


def test_the_kind_of_a_reason_is_stored(index_files, collection):
    scan = make_pdf([""], image=True)
    files = index_files(
        a_pdf=make_pdf(["Secret."], encrypted=True),
        b_pdf=scan,
        c_pdf=make_pdf([""]),
        d_zip=make_zip({"scan.pdf": scan, "again.pdf": scan, ".x": "hidden"}),
    )
    kinds = {path: (file.status, file.kind) for path, file in files.items()}
    assert kinds == {
        "a.pdf": ("failed", "encrypted"),
        "b.pdf": ("failed", "no_text_layer"),
        "c.pdf": ("failed", "no_text"),
        "d.zip": ("failed", "no_text_layer"),
    }
    assert collection.status().coverage.missing == {
        "no_text_layer": 2,
        "encrypted": 1,
        "no_text": 1,
    }


def test_kinds_are_counted_most_frequent_first():
    kinds = ["encrypted", *["no_text_layer"] * 2, "hidden"]
    coverage = sum_coverage(5, kinds, [])
    assert (coverage.files, list(coverage.missing.items())) == (
        8,
        [("no_text_layer", 2), ("encrypted", 1)],
    )
    assert coverage.left_out == {"hidden": 1}
