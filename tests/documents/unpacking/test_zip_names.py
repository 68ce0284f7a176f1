"""Names of zip members without the UTF-8 flag."""

import io
import zipfile

import pytest

from ragkit.documents.read import read_all


def make(names, encoding):
    """Return a zip whose names have an encoding, without the flag that says which one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, name in enumerate(names):
            raw = name.encode(encoding)
            archive.writestr("#" * (len(raw) - 1) + str(number), f"text {number}")
    data = buffer.getvalue()
    for number, name in enumerate(names):
        raw = name.encode(encoding)
        data = data.replace(b"#" * (len(raw) - 1) + str(number).encode(), raw)
    return data


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["Übersicht – Entwürfe.txt"], "utf-8"),
        (["审计报告.txt", "财务.txt"], "gb18030"),
        (["会計報告.txt", "ポンプ.txt"], "cp932"),
        (["審計報告.txt"], "big5"),
        (["보고서와계약서견적서.txt"], "cp949"),
        (["Отчёт.txt", "Договор.txt"], "cp866"),
        (["Entwürfe für Köln.txt"], "cp437"),
        (["Übersicht.txt", "Größe der Räume.txt"], "cp1252"),
        (["Příloha smlouvy.txt", "Žádost o dovolenou.txt"], "cp852"),
        (["plain.txt"], "ascii"),
    ],
)
def test_the_encoding_is_decided_from_all_names(names, encoding):
    assert [record.name for record in read_all(make(names, encoding), "a.zip")] == names


def test_bytes_of_no_encoding_keep_the_name_that_python_reads():
    (record,) = read_all(make(["\x81\x20\xff.txt"], "latin-1"), "a.zip")
    assert record.document.text == "text 0"
