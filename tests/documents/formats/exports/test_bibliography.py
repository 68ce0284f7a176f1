"""Bibliographies: a document per entry in BibTeX, RIS and CSL JSON."""

import json

import pytest

from ragkit.documents.read import read_all

BIBTEX = r"""% a comment
@string{tois = "ACM TOIS"}
@article{bruch2023,
  author = {Bruch, Sebastian and Gai, Siyu and M{\"u}ller, {J.}},
  title = "An {Analysis} of \emph{Fusion} Functions",
  journal = tois # " 42", year = 2023, month = dec,
  abstract = {We study {nested {braces}}.}, doi = {10.1145/3596512}, keywords = {fusion, search}
}
@comment{ignored}
@book(plain, title = {A Book}, year = "1999")
"""
RIS = """TY  - JOUR
AU  - Bruch, Sebastian
AU  - Gai, Siyu
TI  - An Analysis of Fusion Functions
JO  - ACM TOIS
PY  - 2023/12/05
KW  - fusion
KW  - search
AB  - We study it.
ER  -
TY  - BOOK
TI  - A Book
ER  -
"""
CSL = [
    {"id": "bruch2023", "type": "article-journal", "title": "An Analysis of Fusion Functions",
     "author": [{"family": "Bruch", "given": "Sebastian"}, {"literal": "ACM"}],
     "container-title": "TOIS", "issued": {"date-parts": [[2023, 12]]}, "DOI": "10.1145/3596512"},
    {"id": 2, "type": "book", "title": "A Book", "issued": {"raw": "1999"}},
]  # fmt: skip


def records(data, name):
    return {record.name: record.document for record in read_all(data.encode(), name)}


def test_bibtex():
    entries = records(BIBTEX, "refs.bib")
    assert set(entries) == {"bruch2023", "plain"}
    document = entries["bruch2023"]
    assert document.title == "An Analysis of Fusion Functions"
    assert document.text == (
        "An Analysis of Fusion Functions\n\n"
        "Sebastian Bruch, Siyu Gai, J. Müller. ACM TOIS 42. 2023-12\n\n"
        "We study nested braces.\n\nKeywords: fusion, search\n\nhttps://doi.org/10.1145/3596512"
    )
    assert document.metadata == {
        "from": "Sebastian Bruch, Siyu Gai, J. Müller", "date": "2023-12",
        "type_of_work": "article", "doi": "10.1145/3596512", "tags": "fusion, search",
    }  # fmt: skip
    assert entries["plain"].metadata["date"] == "1999"


def test_ris():
    entries = records(RIS, "refs.ris")
    assert set(entries) == {"1", "2"}
    assert entries["1"].metadata == {
        "from": "Sebastian Bruch, Siyu Gai", "date": "2023-12-05", "type_of_work": "jour",
        "tags": "fusion, search",
    }  # fmt: skip
    assert entries["2"].text.startswith("A Book")


def test_csl():
    entries = records(json.dumps(CSL), "refs.json")
    assert set(entries) == {"bruch2023", "2"}
    assert entries["bruch2023"].metadata["from"] == "Sebastian Bruch, ACM"
    assert entries["bruch2023"].metadata["date"] == "2023-12"
    assert entries["2"].metadata["date"] == "1999"


@pytest.mark.parametrize("name", ["a.bib", "a.ris"])
def test_a_file_without_entries_is_text(name):
    assert records("Just words.", name)[""].text == "Just words."
